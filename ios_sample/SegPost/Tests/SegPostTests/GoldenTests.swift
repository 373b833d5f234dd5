import Foundation
import SegPost
import XCTest

/// Every vector of docs/golden.md: masks and pictures to the byte, floats to the bit.
///
/// `make golden` writes them to golden/ in the repository; SEGPOST_GOLDEN names another folder.
final class GoldenTests: XCTestCase {
    func testResize() throws { try assertIdentical("resize") }
    func testPreprocess() throws { try assertIdentical("preprocess") }
    func testPostprocess() throws { try assertIdentical("postprocess") }
    func testOverlay() throws { try assertIdentical("overlay") }
    func testCutOut() throws { try assertIdentical("cut_out") }
    func testBackground() throws { try assertIdentical("background") }
    func testSmooth() throws { try assertIdentical("smooth") }

    func testThereIsATestForEveryFile() throws {
        let known: Set = ["resize", "preprocess", "postprocess", "overlay", "cut_out", "background", "smooth"]
        let files = try FileManager.default.contentsOfDirectory(at: folder(), includingPropertiesForKeys: nil)
        XCTAssertEqual(Set(files.map { $0.deletingPathExtension().lastPathComponent }), known)
        XCTAssertEqual(Set(goldenFiles), known)
    }

    func testWhatIsRecordedAndFoundAlikeHolds() throws {
        let found = try replay("resize", file(floats([1, 4, 1], [0, 1, 3, 4])))

        XCTAssertEqual(found.vectors, 1)
        XCTAssertEqual(found.failed, [])
        XCTAssertTrue(found.holds)
    }

    func testTheLeastDifferenceDoesNotHold() throws {
        for other in [Float(1).nextUp, .nan] {
            let found = try replay("resize", file(floats([1, 4, 1], [0, other, 3, 4])))

            XCTAssertEqual(found.failed, ["twice"])
            XCTAssertFalse(found.holds)
        }
    }

    func testDamagedFilesAreRefusedSoThatNothingPassesUnseen() {
        assertRefused("nothing would be checked") { try replay("resize", Data(#"{"schema": 1, "vectors": []}"#.utf8)) }
        assertRefused("schema 2") { try replay("resize", Data(#"{"schema": 2, "vectors": []}"#.utf8)) }
        assertRefused("golden file effort is unknown; expected one of resize, preprocess") {
            try replay("effort", Data("{}".utf8))
        }
        assertRefused("16 bytes of float32 in shape [1, 5, 1]") {
            try replay("resize", self.file(self.floats([1, 5, 1], [0, 1, 3, 4])))
        }
        assertRefused("0 bytes of int8") {
            try replay("resize", self.file(#"{"type": "int8", "shape": [1, 1, 1], "data": ""}"#))
        }
        let text = file(#"{"type": "uint8", "shape": [1], "data": "?"}"#)
        XCTAssertThrowsError(try replay("resize", text)) { XCTAssertTrue($0 is DecodingError, "\($0)") }
    }

    private func assertIdentical(_ stem: String) throws {
        let found = try replay(stem, Data(contentsOf: folder().appendingPathComponent("\(stem).json")))
        for name in found.failed { XCTFail("\(stem): \(name)") }
        print("golden: \(found.vectors) vectors of \(stem)")
    }

    private func floats(_ shape: [Int], _ values: [Float]) -> String {
        let data = values.withUnsafeBytes { Data($0) }.base64EncodedString()
        return #"{"type": "float32", "shape": \#(shape), "data": "\#(data)"}"#
    }

    /// A file of one vector, `twice`, of the values 0 and 4.
    private func file(_ resized: String) -> Data {
        let vector = #"{"name": "twice", "values": \#(floats([1, 2, 1], [0, 4])), "resized": \#(resized)}"#
        return Data(#"{"schema": 1, "vectors": [\#(vector)]}"#.utf8)
    }

    private func folder() throws -> URL {
        let variables = ProcessInfo.processInfo.environment
        let repository = (0..<5).reduce(URL(fileURLWithPath: #filePath)) { url, _ in url.deletingLastPathComponent() }
        let folder = variables["SEGPOST_GOLDEN"].map { URL(fileURLWithPath: $0, isDirectory: true) }
            ?? repository.appendingPathComponent("golden", isDirectory: true)
        if !FileManager.default.fileExists(atPath: folder.path) {
            let message = "no golden vectors in \(folder.path): run `make golden`"
            guard variables["CI"] == nil else { throw BadInput(message) }
            throw XCTSkip(message)
        }
        return folder
    }
}
