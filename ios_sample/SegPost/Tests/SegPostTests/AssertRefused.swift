import SegPost
import XCTest

/// The body must throw `BadInput` with these words in its message.
func assertRefused<Result>(
    _ words: String, file: StaticString = #filePath, line: UInt = #line, _ body: () throws -> Result
) {
    XCTAssertThrowsError(try body(), words, file: file, line: line) { error in
        XCTAssertTrue(error is BadInput, "\(type(of: error)): \(error)", file: file, line: line)
        XCTAssertTrue("\(error)".contains(words), "\(error)", file: file, line: line)
    }
}
