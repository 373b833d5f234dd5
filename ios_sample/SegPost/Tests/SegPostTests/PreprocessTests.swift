import SegPost
import XCTest

final class PreprocessTests: XCTestCase {
    private let contract = try! Contract(height: 12, width: 8, stride: 4, classes: ["coin"])

    /// A photo of the pixels 0 to 5 as stored, 2 × 3, and what EXIF says is seen.
    private let seen: [Orientation: [[UInt8]]] = [
        .up: [[0, 1, 2], [3, 4, 5]],
        .upMirrored: [[2, 1, 0], [5, 4, 3]],
        .down: [[5, 4, 3], [2, 1, 0]],
        .downMirrored: [[3, 4, 5], [0, 1, 2]],
        .leftMirrored: [[0, 3], [1, 4], [2, 5]],
        .right: [[3, 0], [4, 1], [5, 2]],
        .rightMirrored: [[5, 2], [4, 1], [3, 0]],
        .left: [[2, 5], [1, 4], [0, 3]],
    ]

    func testEveryOrientationIsSeenAsEXIFSays() throws {
        let stored: [UInt8] = (0..<6 as Range<UInt8>).flatMap { [$0, 100 + $0, 200] as [UInt8] }
        for orientation in Orientation.allCases {
            let expected = seen[orientation]!
            try stored.withUnsafeBytes { bytes in
                let photo = try Photo(bytes, height: 2, width: 3, orientation: orientation)
                XCTAssertEqual([photo.height, photo.width], [expected.count, expected[0].count])
                let picture = Picture(photo)
                XCTAssertEqual(picture.pixels, expected.joined().flatMap { [$0, 100 + $0, 200, 255] }, "\(orientation)")
            }
        }
    }

    func testAnOrientedPhotoGivesTheInputOfTheUprightOne() throws {
        let (height, width) = (37, 53)
        let stored = noise(height * width * 3)
        for orientation in Orientation.allCases {
            try stored.withUnsafeBytes { bytes in
                let photo = try Photo(bytes, height: height, width: width, orientation: orientation)
                let upright = Picture(photo)
                try upright.pixels.withUnsafeBytes { bytes in
                    let expected = try Photo(bytes, height: photo.height, width: photo.width, format: .rgba)
                    XCTAssertEqual(preprocess(photo, contract), preprocess(expected, contract), "\(orientation)")
                }
            }
        }
    }

    func testEveryFormatAndAnyRowsGiveTheSameInput() throws {
        let (height, width) = (9, 7)
        let rgb = noise(height * width * 3)
        let expected = try rgb.withUnsafeBytes { preprocess(try Photo($0, height: height, width: width), contract) }
        for format in PixelFormat.allCases {
            let bytesPerRow = width * format.bytes + 13
            var padded = noise((height - 1) * bytesPerRow + width * format.bytes)
            for row in 0..<height {
                for column in 0..<width {
                    for channel in 0..<3 {
                        let place = format == .bgra ? 2 - channel : channel
                        padded[row * bytesPerRow + column * format.bytes + place] = rgb[(row * width + column) * 3 + channel]
                    }
                }
            }
            try padded.withUnsafeBytes { bytes in
                let photo = try Photo(bytes, height: height, width: width, bytesPerRow: bytesPerRow, format: format)
                XCTAssertEqual(preprocess(photo, contract), expected, "\(format)")
            }
        }
    }

    func testAnInputIsWrittenIntoPixelsOfAnyFormat() throws {
        let stored = noise(5 * 4 * 3)
        try stored.withUnsafeBytes { bytes in
            let photo = try Photo(bytes, height: 5, width: 4)
            let expected = preprocess(photo, contract)
            for format in PixelFormat.allCases {
                let bytesPerRow = contract.width * format.bytes + 6
                var pixels = [UInt8](repeating: 7, count: contract.height * bytesPerRow)
                try pixels.withUnsafeMutableBytes {
                    try preprocess(photo, contract, into: $0, bytesPerRow: bytesPerRow, format: format)
                }
                let found = try pixels.withUnsafeBytes { bytes in
                    Picture(try Photo(
                        bytes, height: contract.height, width: contract.width, bytesPerRow: bytesPerRow, format: format))
                }
                XCTAssertEqual(found.pixels.enumerated().filter { $0.offset % 4 < 3 }.map(\.element), expected)
                XCTAssertEqual(pixels[contract.width * format.bytes], 7, "the gap between rows stays as it is")
                if format.bytes == 4 { XCTAssertEqual(pixels[3], 255) }
            }
            var small = [UInt8](repeating: 0, count: contract.height * contract.width * 4 - 1)
            assertRefused("takes 384 bytes, found 383") {
                try small.withUnsafeMutableBytes { try preprocess(photo, self.contract, into: $0, format: .bgra) }
            }
        }
    }

    func testALongThinPhotoIsTaken() throws {
        let row = noise(100_000 * 3)
        try row.withUnsafeBytes { bytes in
            XCTAssertEqual(preprocess(try Photo(bytes, height: 1, width: 100_000), contract).count, 288)
            XCTAssertEqual(preprocess(try Photo(bytes, height: 100_000, width: 1), contract).count, 288)
        }
    }

    func testWhatIsNoPhotoIsRefused() {
        let bytes = noise(60)
        func photo(_ height: Int, _ width: Int, _ bytesPerRow: Int? = nil) throws -> Int {
            try bytes.withUnsafeBytes { try Photo($0, height: height, width: width, bytesPerRow: bytesPerRow).height }
        }
        assertRefused("at least one row and one column, found 0 × 5") { try photo(0, 5) }
        assertRefused("at least one row and one column, found 4 × -5") { try photo(4, -5) }
        assertRefused("takes 63 bytes, found 60") { try photo(3, 7) }
        assertRefused("14 bytes per row, 5 rgb pixels take 15") { try photo(4, 5, 14) }
        assertRefused("more than memory can address") { try photo(Int.max, 2) }
        assertRefused("more than memory can address") { try photo(2, Int.max) }
        assertRefused("found 0") { try Photo(UnsafeRawBufferPointer(start: nil, count: 0), height: 1, width: 1) }
    }
}

/// The same bytes every time.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}
