import Foundation
import SegPost
import XCTest

final class ContractTests: XCTestCase {
    private let fields: [String: Any] = [
        "schema": 1, "input": "image", "output": "logits", "colour": "rgb", "range": [0, 255],
        "resize": "stretch-bilinear-half-pixel", "upsample": "bilinear-half-pixel",
        "height": 32, "width": 48, "stride": 4, "classes": ["coin"], "threshold": -0.5, "open": 3,
    ]

    private func read(_ change: (inout [String: Any]) -> Void) throws -> Contract {
        var fields = fields
        change(&fields)
        return try Contract(json: JSONSerialization.data(withJSONObject: fields))
    }

    func testWhatAnArtefactCarriesIsRead() throws {
        let contract = try read { _ in }

        XCTAssertEqual(
            contract, try Contract(height: 32, width: 48, stride: 4, classes: ["coin"], threshold: -0.5, open: 3))
        XCTAssertEqual(contract.logitsShape, [1, 8, 12])
        XCTAssertEqual(contract.inputShape, [32, 48, 3])
    }

    func testWhatIsWrittenIsReadAgain() throws {
        let contract = try Contract(height: 32, width: 48, stride: 16, classes: ["sky", "straße"])

        XCTAssertEqual(try Contract(json: JSONEncoder().encode(contract)), contract)
    }

    func testANewerSchemaIsRefusedBeforeItsFieldsAreJudged() {
        refuses("contract has schema 2, this version expects 1: update the app") {
            try self.read { $0 = ["schema": 2, "shape": "of things to come"] }
        }
        refuses("contract has schema 0, this version expects 1: export the model anew") {
            try self.read { $0["schema"] = 0 }
        }
    }

    func testEveryFieldIsNeeded() {
        for name in fields.keys {
            refuses("lacks fields [\"\(name)\"]") { try self.read { $0[name] = nil } }
        }
    }

    func testAnUnknownFieldIsRefused() {
        refuses("unknown fields [\"letterbox\"]") { try self.read { $0["letterbox"] = true } }
    }

    func testOtherConventionsAreRefused() {
        for name in ["input", "output", "colour", "resize", "upsample"] {
            refuses("contract has \(name) \"other\", this version expects") { try self.read { $0[name] = "other" } }
        }
        refuses("contract has range [0, 1], this version expects [0, 255]") { try self.read { $0["range"] = [0, 1] } }
    }

    func testOtherTypesAreRefused() {
        for name in fields.keys where name != "classes" && name != "range" {
            refuses("at \(name)") { try self.read { $0[name] = [true] } }
        }
        refuses("at classes") { try self.read { $0["classes"] = "coin" } }
        refuses("contract") { try self.read { $0["height"] = 32.5 } }
        refuses("at threshold") { try self.read { $0["threshold"] = NSNull() } }
    }

    func testWhatIsNoJSONIsRefused() {
        for text in ["", "{", "coin", "[1]", "\u{0}"] {
            refuses("contract") { try Contract(json: text) }
        }
    }

    func testWhatNoStudentCanHaveIsRefused() {
        refuses("stride 3 is unknown") { try self.read { $0["stride"] = 3 } }
        refuses("height 30 is not a multiple of stride 4; use 28 or 32") { try self.read { $0["height"] = 30 } }
        refuses("width 0 is not a multiple of stride 4; use 4 or 8") { try self.read { $0["width"] = 0 } }
        refuses("width -8 is not a multiple") { try self.read { $0["width"] = -8 } }
        refuses("more than memory") { try self.read { $0["width"] = Int.max - 3 } }
        refuses("classes [] must be") { try self.read { $0["classes"] = [String]() } }
        refuses("each its own") { try self.read { $0["classes"] = ["a", "a"] } }
        refuses("open 4 must be 0 or odd, so that its ellipse has a centre; use 5") { try self.read { $0["open"] = 4 } }
        refuses("open -1 must be 0 or odd") { try self.read { $0["open"] = -1 } }
        refuses("wider than any photo") { try self.read { $0["open"] = Int.max } }
        refuses("with several classes the argmax decides") { try self.read { $0["classes"] = ["a", "b"] } }
    }
}

/// The body must throw `BadInput` with these words in its message.
func refuses<Result>(
    _ words: String, file: StaticString = #filePath, line: UInt = #line, _ body: () throws -> Result
) {
    XCTAssertThrowsError(try body(), words, file: file, line: line) { error in
        XCTAssertTrue(error is BadInput, "\(type(of: error)): \(error)", file: file, line: line)
        XCTAssertTrue("\(error)".contains(words), "\(error)", file: file, line: line)
    }
}
