import CoreML
import CoreVideo
import Foundation
import SegPost

/// Where Core ML may run a model. Which of them it takes is its own choice, layer by layer: Xcode's performance report
/// tells that, no API of iOS 16 does.
enum ComputeUnit: String, CaseIterable, Identifiable, Sendable {
    case all, cpu, gpu, neuralEngine = "neural engine"

    var id: Self { self }

    /// None is barred from the CPU, which takes over what the others cannot run.
    var units: MLComputeUnits {
        switch self {
        case .all: return .all
        case .cpu: return .cpuOnly
        case .gpu: return .cpuAndGPU
        case .neuralEngine: return .cpuAndNeuralEngine
        }
    }
}

/// A student on this device: an upright photo in, its mask out.
///
/// Not for two queues at a time: it owns the one input that it writes into, and what smoothing remembers. That it is
/// `Sendable` all the same is the promise of `Pipeline`, which uses it on its own queue only.
final class Segmenter: @unchecked Sendable {
    let contract: Contract
    let unit: ComputeUnit
    private let model: MLModel
    private let compiled: URL
    private let input: CVPixelBuffer
    private var previous: [Float]?

    /// - Parameters:
    ///   - model: With image and logits as its contract says.
    ///   - compiled: Where it was loaded from, to be deleted with it; Core ML reads its weights from there as it runs.
    /// - Throws: `BadInput`, as for a contract that this version does not understand.
    init(_ model: MLModel, from compiled: URL, of artefact: Artefact, unit: ComputeUnit) throws {
        let description = model.modelDescription
        let properties = description.metadata[.creatorDefinedKey] as? [String: String]
        guard let json = properties?[contractKey] else {
            throw BadInput.noContract(file: artefact.url.lastPathComponent)
        }
        contract = try Contract(json: json)
        if let expected = artefact.contract, expected != contract {
            throw BadInput.anotherContract(found: contract, expected: expected)
        }
        try Self.check(description, contract)
        self.model = model
        self.compiled = compiled
        self.unit = unit
        var buffer: CVPixelBuffer?
        // Backed by an IOSurface, so that GPU and Neural Engine read it where it is.
        let attributes: [String: Any] = [kCVPixelBufferIOSurfacePropertiesKey as String: [String: Any]()]
        let code = CVPixelBufferCreate(
            nil, contract.width, contract.height, kCVPixelFormatType_32BGRA,
            NSDictionary(dictionary: attributes) as CFDictionary, &buffer)
        guard let buffer else {
            throw BadInput.noPixelBuffer(height: contract.height, width: contract.width, code: Int(code))
        }
        input = buffer
    }

    deinit {
        try? FileManager.default.removeItem(at: compiled)
    }

    /// Compiles and loads a model on the device, once it is found to be what its manifest lists.
    ///
    /// Seconds for a large one; never on the main actor.
    static func open(_ artefact: Artefact, unit: ComputeUnit) async throws -> Segmenter {
        let name = artefact.url.lastPathComponent
        try artefact.check()
        let compiled: URL
        do { compiled = try await MLModel.compileModel(at: artefact.url) } catch {
            throw BadInput.notCompiled(file: name, reason: error.localizedDescription)
        }
        let configuration = MLModelConfiguration()
        configuration.computeUnits = unit.units
        do {
            let model = try await MLModel.load(contentsOf: compiled, configuration: configuration)
            return try Segmenter(model, from: compiled, of: artefact, unit: unit)
        } catch {
            try? FileManager.default.removeItem(at: compiled)
            guard error is BadInput else {
                throw BadInput.notCompiled(file: name, reason: error.localizedDescription)
            }
            throw error
        }
    }

    /// The mask of a photo, into one of the photo's size.
    ///
    /// - Parameter smoothing: 1 judges the photo by itself; less draws its logits towards those of the photo before.
    /// - Throws: `BadInput`, as for logits that are no numbers, or what Core ML says.
    func segment(_ photo: Photo, smoothing: Double = 1, into mask: inout Mask) throws -> Times {
        var times = Times()
        var clock = Stopwatch()
        try fill(photo)
        times.preprocess = clock.lap()
        let array = try predict()
        times.model = clock.lap()
        try read(array) { logits in
            guard smoothing < 1 else {
                previous = nil
                return try postprocess(logits, contract, into: &mask)
            }
            let drawn = try smoothed(previous, logits.floats(), rate: smoothing)
            previous = drawn
            try drawn.withUnsafeBytes { try postprocess(Logits($0, shape: contract.logitsShape), contract, into: &mask) }
        }
        times.postprocess = clock.lap()
        return times
    }

    /// Smooth the next photo by none before it: it shows something else.
    func forget() {
        previous = nil
    }

    /// What the model makes of a photo, channels × rows × columns without gaps.
    func logits(of photo: Photo) throws -> [Float] {
        try fill(photo)
        return try read(predict()) { try $0.floats() }
    }

    private func fill(_ photo: Photo) throws {
        CVPixelBufferLockBaseAddress(input, [])
        defer { CVPixelBufferUnlockBaseAddress(input, []) }
        let bytesPerRow = CVPixelBufferGetBytesPerRow(input)
        let bytes = UnsafeMutableRawBufferPointer(
            start: CVPixelBufferGetBaseAddress(input), count: bytesPerRow * contract.height)
        try preprocess(photo, contract, into: bytes, bytesPerRow: bytesPerRow, format: .bgra)
    }

    private func predict() throws -> MLMultiArray {
        let image = MLFeatureValue(pixelBuffer: input)
        let features = try MLDictionaryFeatureProvider(dictionary: [Contract.input: image])
        let found = try model.prediction(from: features)
        guard let array = found.featureValue(for: Contract.output)?.multiArrayValue else {
            throw BadInput.outputs(found: found.featureNames.sorted(), expected: [Contract.output])
        }
        return array
    }

    /// Read logits where Core ML left them: float16 or float32, with whatever padding the compute unit likes.
    private func read<Result>(_ array: MLMultiArray, _ body: (Logits) throws -> Result) throws -> Result {
        let shape = array.shape.map(\.intValue)
        guard shape.suffix(3) == contract.logitsShape[...], shape.dropLast(3).allSatisfy({ $0 == 1 }) else {
            throw BadInput.logitsShape(found: shape, expected: [1] + contract.logitsShape)
        }
        let element: Logits.Element
        switch array.dataType {
        case .float16: element = .float16
        case .float32: element = .float32
        case .double: throw BadInput.logitsType(found: "float64")
        default: throw BadInput.logitsType(found: "number \(array.dataType.rawValue)")
        }
        let strides = array.strides.map(\.intValue)
        return try array.withUnsafeBytes { bytes in
            try body(Logits(bytes, element: element, shape: shape, strides: strides))
        }
    }

    private static func check(_ description: MLModelDescription, _ contract: Contract) throws {
        let inputs = description.inputDescriptionsByName, outputs = description.outputDescriptionsByName
        guard inputs.count == 1, let image = inputs[Contract.input]?.imageConstraint else {
            let found = inputs.map { "\($0.key): \($0.value.imageConstraint == nil ? "no" : "an") image" }.sorted()
            throw BadInput.inputs(found: found, expected: ["\(Contract.input): an image"])
        }
        guard image.pixelsHigh == contract.height, image.pixelsWide == contract.width else {
            throw BadInput.inputSize(
                found: [image.pixelsHigh, image.pixelsWide], expected: [contract.height, contract.width])
        }
        guard let logits = outputs[Contract.output]?.multiArrayConstraint else {
            throw BadInput.outputs(found: outputs.keys.sorted(), expected: [Contract.output])
        }
        let shape = logits.shape.map(\.intValue)
        // Core ML leaves a shape empty where the model does not say it; then the first prediction is held to the contract.
        guard shape.isEmpty || shape == [1] + contract.logitsShape else {
            throw BadInput.logitsShape(found: shape, expected: [1] + contract.logitsShape)
        }
    }
}
