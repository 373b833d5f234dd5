import Foundation
import SegPost

/// Why a model, photo or camera is not used. Sizes and names come as found and as expected, so that whoever reads the
/// message sees both; what a contract may say is judged by `SegPost`, whose `BadInput` is shown just the same.
enum Refusal: Error, Equatable, Sendable {
    case noModel
    case manifest(file: String, reason: String)
    case missing(file: String)
    case digest(file: String, found: String, expected: String)
    case notCompiled(file: String, reason: String)
    case noContract(file: String)
    case anotherContract(found: Contract, expected: Contract)
    case inputs(found: [String], expected: [String])
    case inputSize(found: [Int], expected: [Int])
    case outputs(found: [String], expected: [String])
    case logitsShape(found: [Int], expected: [Int])
    case logitsType(found: String)
    case noPixelBuffer(height: Int, width: Int, code: Int)
    case noPhoto(reason: String)
    case cameraRefused
    case noCamera(side: String)
}

extension Refusal: LocalizedError {
    var errorDescription: String? {
        switch self {
        case .noModel:
            return "No model yet: run `make apps`, or open one from Files."
        case .manifest(let file, let reason):
            return "\(file) cannot be read: \(reason). Run `make apps` again."
        case .missing(let file):
            return "\(file) is listed by its manifest, but is not there. Run `make apps` again."
        case .digest(let file, let found, let expected):
            return "\(file) is not the file that its manifest lists: its sha256 is \(found.prefix(12))…, expected "
                + "\(expected.prefix(12))…. It was cut off, changed or mixed up: copy it again."
        case .notCompiled(let file, let reason):
            return "\(file) is no model that Core ML can compile: \(reason). Export it again."
        case .noContract(let file):
            return "\(file) carries no contract under \"\(contractKey)\". Export it with this project, or convert it with "
                + "`python -m conversion convert`."
        case .anotherContract(let found, let expected):
            return "The model's contract (\(found.summary)) is not its manifest's (\(expected.summary)). "
                + "Run `make apps` again."
        case .inputs(let found, let expected):
            return "The model takes \(listed(found)), expected \(listed(expected)). Export it again."
        case .inputSize(let found, let expected):
            return "The model takes an image of \(sized(found)), its contract says \(sized(expected)). Export it again."
        case .outputs(let found, let expected):
            return "The model gives \(listed(found)), expected \(listed(expected)). Export it again."
        case .logitsShape(let found, let expected):
            return "The model gives logits of \(sized(found)), its contract says \(sized(expected)). Export it again."
        case .logitsType(let found):
            return "The model gives logits of type \(found), expected float16 or float32. Export it again."
        case .noPixelBuffer(let height, let width, let code):
            return "No memory for an input of \(height) × \(width) pixels (Core Video says \(code))."
        case .noPhoto(let reason):
            return "This photo cannot be used: \(reason)."
        case .cameraRefused:
            return "The camera is switched off for this app. Allow it in Settings, or pick a photo."
        case .noCamera(let side):
            return "This device has no \(side) camera. Pick a photo instead."
        }
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
