import SegPost
import XCTest

final class ResizeTests: XCTestCase {
    func testCentresOfPixelsAreAtTheirHalves() throws {
        XCTAssertEqual(try bilinear([0, 4], rows: 1, columns: 2, height: 1, width: 4), [0, 1, 3, 4])
    }

    func testAConstantStaysThatConstantToTheBit() throws {
        for (height, width) in [(1, 1), (3, 7), (31, 2), (64, 65)] {
            let resized = try bilinear([Float](repeating: 0.1, count: 15), rows: 3, columns: 5, height: height, width: width)

            XCTAssertEqual(resized, [Float](repeating: 0.1, count: height * width))
        }
    }

    func testToTheSameSizeNothingChanges() throws {
        let values = noise(15).map(Float.init)

        XCTAssertEqual(try bilinear(values, rows: 3, columns: 5, height: 3, width: 5), values)
    }

    func testValuesOfAnotherSizeAndSizesOfNothingAreRefused() {
        func resized(_ count: Int, _ rows: Int, _ columns: Int, _ height: Int, _ width: Int) throws -> [Float] {
            try bilinear([Float](repeating: 0, count: count), rows: rows, columns: columns, height: height, width: width)
        }
        assertRefused("5 values of 2 × 3 cannot") { try resized(5, 2, 3, 4, 4) }
        assertRefused("0 values of 0 × 3") { try resized(0, 0, 3, 4, 4) }
        assertRefused("resized to 0 × 4") { try resized(1, 1, 1, 0, 4) }
        assertRefused("1 values of 1 × 1 cannot be resized to") { try resized(1, 1, 1, Int.max, 2) }
    }
}
