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
        assertRefused("contract has schema 2, this version expects 1: update the app") {
            try self.read { $0 = ["schema": 2, "shape": "of things to come"] }
        }
        assertRefused("contract has schema 0, this version expects 1: export the model anew") {
            try self.read { $0["schema"] = 0 }
        }
    }

    func testEveryFieldIsNeeded() {
        for name in fields.keys {
            assertRefused("lacks fields [\"\(name)\"]") { try self.read { $0[name] = nil } }
        }
    }

    func testAnUnknownFieldIsRefused() {
        assertRefused("unknown fields [\"letterbox\"]") { try self.read { $0["letterbox"] = true } }
    }

    func testOtherConventionsAreRefused() {
        for name in ["input", "output", "colour", "resize", "upsample"] {
            assertRefused("contract has \(name) \"other\", this version expects") { try self.read { $0[name] = "other" } }
        }
        assertRefused("contract has range [0, 1], this version expects [0, 255]") { try self.read { $0["range"] = [0, 1] } }
    }

    func testOtherTypesAreRefused() {
        for name in fields.keys where name != "classes" && name != "range" {
            assertRefused("at \(name)") { try self.read { $0[name] = [true] } }
        }
        assertRefused("at classes") { try self.read { $0["classes"] = "coin" } }
        assertRefused("contract") { try self.read { $0["height"] = 32.5 } }
        assertRefused("at threshold") { try self.read { $0["threshold"] = NSNull() } }
    }

    func testWhatIsNoJSONIsRefused() {
        for text in ["", "{", "coin", "[1]", "\u{0}"] {
            assertRefused("contract") { try Contract(json: text) }
        }
    }

    func testWhatNoStudentCanHaveIsRefused() {
        assertRefused("stride 3 is unknown") { try self.read { $0["stride"] = 3 } }
        assertRefused("height 30 is not a multiple of stride 4; use 28 or 32") { try self.read { $0["height"] = 30 } }
        assertRefused("width 0 is not a multiple of stride 4; use 4 or 8") { try self.read { $0["width"] = 0 } }
        assertRefused("width -8 is not a multiple") { try self.read { $0["width"] = -8 } }
        assertRefused("more than memory") { try self.read { $0["width"] = Int.max - 3 } }
        assertRefused("classes [] must be") { try self.read { $0["classes"] = [String]() } }
        assertRefused("each its own") { try self.read { $0["classes"] = ["a", "a"] } }
        assertRefused("open 4 must be 0 or odd, so that its ellipse has a centre; use 5") { try self.read { $0["open"] = 4 } }
        assertRefused("open -1 must be 0 or odd") { try self.read { $0["open"] = -1 } }
        assertRefused("wider than any photo") { try self.read { $0["open"] = Int.max } }
        assertRefused("with several classes the argmax decides") { try self.read { $0["classes"] = ["a", "b"] } }
    }
}
