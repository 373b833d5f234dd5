import SegPost
import XCTest

final class OpeningTests: XCTestCase {
    func testOpeningIsWhatItsDefinitionSays() throws {
        // Widths around a word of 64 pixels, photos smaller than the ellipse, ellipses wider than a word.
        for (height, width) in [(1, 1), (3, 4), (9, 63), (9, 64), (9, 65), (20, 130), (40, 1), (1, 200)] {
            for side in [1, 3, 5, 7, 9, 31, 131] where side < 100 || height * width < 600 {
                // Mostly 1, so that large ellipses leave something.
                let drawn = noise(height * width, seed: UInt64(side * width)).map { $0 < 3 * UInt8(min(side, 3)) ? 0 : 1 } as [UInt8]
                let mask = try Mask(height: height, width: width, pixels: drawn)

                XCTAssertEqual(opened(mask, side: side), plainlyOpened(mask, side), "\(height) × \(width), \(side)")
            }
        }
    }

    func testTheEllipseIsThatOfThePage() {
        XCTAssertEqual(ellipse(1), [0])
        XCTAssertEqual(ellipse(3), [0, 1, 0])
        XCTAssertEqual(ellipse(5), [0, 2, 2, 2, 0])
        XCTAssertEqual(ellipse(7), [0, 2, 3, 3, 3, 2, 0])
    }

    private func plainlyOpened(_ mask: Mask, _ side: Int) -> Mask {
        let r = side / 2
        let offsets = zip(-r...r, ellipse(side)).flatMap { dy, n in (-n...n).map { (dy, $0) } }
        func morphed(_ pixels: [UInt8], _ decisive: UInt8) -> [UInt8] {
            (0..<pixels.count).map { index in
                let (y, x) = (index / mask.width, index % mask.width)
                let found = offsets.contains { dy, dx in
                    (0..<mask.height).contains(y + dy) && (0..<mask.width).contains(x + dx)
                        && pixels[(y + dy) * mask.width + x + dx] == decisive
                }
                return found ? decisive : 1 - decisive
            }
        }
        return try! Mask(height: mask.height, width: mask.width, pixels: morphed(morphed(mask.pixels, 0), 1))
    }
}
