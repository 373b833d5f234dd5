// Of Core ML: https://developer.apple.com/documentation/coreml  In place of running a model it plays back: PACKAGE.playback,
// beside the package, says what inputs and outputs it claims, what metadata it carries, and what logits it gives.
import CoreVideo
@_exported import Foundation

// https://developer.apple.com/documentation/coreml/mlcomputeunits
public enum MLComputeUnits: Int, Sendable { case cpuOnly, cpuAndGPU, all, cpuAndNeuralEngine }

// https://developer.apple.com/documentation/coreml/mlmodelconfiguration
public final class MLModelConfiguration: NSObject { public var computeUnits = MLComputeUnits.all }

// https://developer.apple.com/documentation/coreml/mlmodelmetadatakey
public struct MLModelMetadataKey: Hashable, Sendable { public static let creatorDefinedKey = MLModelMetadataKey() }

// https://developer.apple.com/documentation/coreml/mlmultiarraydatatype
public enum MLMultiArrayDataType: Int, Sendable { case double = 65600, float32 = 65568, float16 = 65552, int32 = 131104 }

// https://developer.apple.com/documentation/coreml/mlimageconstraint
public final class MLImageConstraint: NSObject {
    public let pixelsHigh: Int
    public let pixelsWide: Int
    init(_ size: [Int]) { (pixelsHigh, pixelsWide) = (size[0], size[1]) }
}
// https://developer.apple.com/documentation/coreml/mlmultiarrayconstraint
public final class MLMultiArrayConstraint: NSObject {
    public let shape: [NSNumber]
    init(_ shape: [Int]) { self.shape = shape.map { NSNumber(value: $0) } }
}
// https://developer.apple.com/documentation/coreml/mlfeaturedescription
public final class MLFeatureDescription: NSObject {
    public let imageConstraint: MLImageConstraint?
    public let multiArrayConstraint: MLMultiArrayConstraint?
    init(image: [Int]? = nil, array: [Int]? = nil) {
        imageConstraint = image.map(MLImageConstraint.init)
        multiArrayConstraint = array.map(MLMultiArrayConstraint.init)
    }
}
// https://developer.apple.com/documentation/coreml/mlmodeldescription
public final class MLModelDescription: NSObject {
    public let inputDescriptionsByName: [String: MLFeatureDescription]
    public let outputDescriptionsByName: [String: MLFeatureDescription]
    public let metadata: [MLModelMetadataKey: Any]
    init(_ playback: Playback) {
        inputDescriptionsByName = playback.inputs.mapValues { MLFeatureDescription(image: $0) }
        outputDescriptionsByName = playback.outputs.mapValues { MLFeatureDescription(array: $0) }
        metadata = [.creatorDefinedKey: playback.metadata]
    }
}

// https://developer.apple.com/documentation/coreml/mlmultiarray
public final class MLMultiArray: NSObject {
    public let shape: [NSNumber]
    public let strides: [NSNumber]
    public let dataType: MLMultiArrayDataType
    private let data: Data
    init(_ array: Playback.Array) {
        shape = array.shape.map { NSNumber(value: $0) }
        strides = array.strides.map { NSNumber(value: $0) }
        dataType = MLMultiArrayDataType(rawValue: array.type)!
        data = array.data
    }
    // https://developer.apple.com/documentation/coreml/mlmultiarray/withunsafebytes(_:)
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R { try data.withUnsafeBytes(body) }
}

// https://developer.apple.com/documentation/coreml/mlfeaturevalue
public final class MLFeatureValue: NSObject {
    public let multiArrayValue: MLMultiArray?
    let pixelBuffer: CVPixelBuffer?
    public init(pixelBuffer value: CVPixelBuffer) { (pixelBuffer, multiArrayValue) = (value, nil) }
    init(_ array: MLMultiArray) { (pixelBuffer, multiArrayValue) = (nil, array) }
}
// https://developer.apple.com/documentation/coreml/mlfeatureprovider
public protocol MLFeatureProvider {
    var featureNames: Set<String> { get }
    func featureValue(for featureName: String) -> MLFeatureValue?
}
// https://developer.apple.com/documentation/coreml/mldictionaryfeatureprovider/init(dictionary:)
public final class MLDictionaryFeatureProvider: NSObject, MLFeatureProvider {
    private let values: [String: Any]
    public init(dictionary: [String: Any]) throws { values = dictionary }
    public var featureNames: Set<String> { Set(values.keys) }
    public func featureValue(for featureName: String) -> MLFeatureValue? { values[featureName] as? MLFeatureValue }
}

// https://developer.apple.com/documentation/coreml/mlmodel
public final class MLModel: NSObject {
    public let modelDescription: MLModelDescription
    private let playback: Playback

    init(_ playback: Playback) {
        self.playback = playback
        modelDescription = MLModelDescription(playback)
    }

    // https://developer.apple.com/documentation/coreml/mlmodel/compilemodel(at:)-45ao6
    public class func compileModel(at modelURL: URL) async throws -> URL {
        guard FileManager.default.fileExists(atPath: modelURL.appendingPathComponent("Manifest.json").path) else {
            throw PlaybackError(errorDescription: "there is no package at \(modelURL.lastPathComponent)")
        }
        let compiled = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString + ".mlmodelc")
        try FileManager.default.copyItem(at: modelURL.appendingPathExtension("playback"), to: compiled)
        return compiled
    }

    // https://developer.apple.com/documentation/coreml/mlmodel/load(contentsof:configuration:)
    public class func load(contentsOf url: URL, configuration: MLModelConfiguration = MLModelConfiguration()) async throws -> MLModel {
        MLModel(try JSONDecoder().decode(Playback.self, from: Data(contentsOf: url)))
    }

    // https://developer.apple.com/documentation/coreml/mlmodel/prediction(from:)-9y2aa
    public func prediction(from input: any MLFeatureProvider) throws -> any MLFeatureProvider {
        if let expected = playback.image, let found = input.featureValue(for: "image")?.pixelBuffer {
            try check(found, expected)
        }
        return try MLDictionaryFeatureProvider(dictionary: playback.given.mapValues { MLFeatureValue(MLMultiArray($0)) })
    }

    /// What was recorded was recorded for one input; any other would be a false proof.
    private func check(_ found: CVPixelBuffer, _ expected: Data) throws {
        let bytes = CVPixelBufferGetBaseAddress(found)!.assumingMemoryBound(to: UInt8.self)
        for row in 0..<CVPixelBufferGetHeight(found) {
            for column in 0..<CVPixelBufferGetWidth(found) {
                let pixel = row * CVPixelBufferGetBytesPerRow(found) + column * 4
                let place = (row * CVPixelBufferGetWidth(found) + column) * 3
                let rgb = [bytes[pixel + 2], bytes[pixel + 1], bytes[pixel]]
                guard rgb == Array(expected[place..<place + 3]) else {
                    throw PlaybackError(errorDescription: "input at \(row), \(column) is \(rgb), recorded is \(Array(expected[place..<place + 3]))")
                }
            }
        }
    }
}

struct PlaybackError: LocalizedError { let errorDescription: String? }

struct Playback: Decodable {
    struct Array: Decodable {
        let type: Int
        let shape: [Int]
        let strides: [Int]
        let data: Data
    }
    let metadata: [String: String]
    /// By name: rows and columns of an image; the shape of an array.
    let inputs: [String: [Int]]
    let outputs: [String: [Int]]
    /// What prediction gives, by name.
    let given: [String: Array]
    /// The RGB bytes that it was recorded for; nil for any.
    let image: Data?
}
