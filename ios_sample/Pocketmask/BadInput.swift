import Foundation
import SegPost

// Why a model, photo or camera is not used. Sizes and names come as found and as expected, so that whoever reads the
// message sees both; what a contract may say is judged by `SegPost`, whose own messages are shown just the same.

extension BadInput {
    static let noModel = BadInput("No model yet: run `make apps`, or open one from Files.")

    static func manifest(file: String, reason: String) -> BadInput {
        BadInput("\(file) cannot be read: \(reason). Run `make apps` again.")
    }

    static func missing(file: String) -> BadInput {
        BadInput("\(file) is listed by its manifest, but is not there. Run `make apps` again.")
    }

    static func digest(file: String, found: String, expected: String) -> BadInput {
        BadInput(
            "\(file) is not the file that its manifest lists: its sha256 is \(found.prefix(12))…, expected "
                + "\(expected.prefix(12))…. It was cut off, changed or mixed up: copy it again.")
    }

    static func notCompiled(file: String, reason: String) -> BadInput {
        BadInput("\(file) is no model that Core ML can compile: \(reason). Export it again.")
    }

    static func noContract(file: String) -> BadInput {
        BadInput(
            "\(file) carries no contract under \"\(contractKey)\". Export it with this project, or convert it with "
                + "`python -m conversion convert`.")
    }

    static func anotherContract(found: Contract, expected: Contract) -> BadInput {
        BadInput(
            "The model's contract (\(found.summary)) is not its manifest's (\(expected.summary)). "
                + "Run `make apps` again.")
    }

    static func inputs(found: [String], expected: [String]) -> BadInput {
        BadInput("The model takes \(listed(found)), expected \(listed(expected)). Export it again.")
    }

    static func inputSize(found: [Int], expected: [Int]) -> BadInput {
        BadInput("The model takes an image of \(sized(found)), its contract says \(sized(expected)). Export it again.")
    }

    static func outputs(found: [String], expected: [String]) -> BadInput {
        BadInput("The model gives \(listed(found)), expected \(listed(expected)). Export it again.")
    }

    static func logitsShape(found: [Int], expected: [Int]) -> BadInput {
        BadInput("The model gives logits of \(sized(found)), its contract says \(sized(expected)). Export it again.")
    }

    static func logitsType(found: String) -> BadInput {
        BadInput("The model gives logits of type \(found), expected float16 or float32. Export it again.")
    }

    static func noPixelBuffer(height: Int, width: Int, code: Int) -> BadInput {
        BadInput("No memory for an input of \(height) × \(width) pixels (Core Video says \(code)).")
    }

    static func noPhoto(reason: String) -> BadInput {
        BadInput("This photo cannot be used: \(reason).")
    }

    static let cameraRefused = BadInput("The camera is switched off for this app. Allow it in Settings, or pick a photo.")

    static func noCamera(side: String) -> BadInput {
        BadInput("This device has no \(side) camera. Pick a photo instead.")
    }
}

extension Contract {
    /// In one line, for messages and the readout.
    var summary: String {
        let names = classes.count > 3 ? "\(classes.count) classes" : classes.joined(separator: ", ")
        return "\(height) × \(width), stride \(stride), \(names)"
    }
}

/// What is shown of any error.
func message(of error: any Error) -> String {
    (error as? any LocalizedError)?.errorDescription ?? "\(error)"
}

private func listed(_ names: [String]) -> String {
    names.isEmpty ? "nothing" : names.map { "\"\($0)\"" }.joined(separator: ", ")
}

private func sized(_ shape: [Int]) -> String {
    shape.map(String.init).joined(separator: " × ")
}
