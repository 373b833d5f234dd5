import Foundation
import SegPost

/// What an artefact made of a photo on the machine that verified it: a vector of `self-test.json`, docs/golden.md.
struct Recorded: Decodable {
    let name: String
    let contract: Contract
    let photo: Tensor, logits: Tensor, mask: Tensor

    /// - Throws: `BadInput`: no such artefact in the file, or what reading it throws.
    static func read(_ url: URL, name: String) throws -> Recorded {
        let vectors = try JSONDecoder().decode(Vectors<Recorded>.self, from: Data(contentsOf: url)).vectors
        guard let found = vectors.first(where: { $0.name == name }) else {
            throw BadInput("\(url.lastPathComponent) has \(vectors.map(\.name)), expected \(name): run `make apps` again")
        }
        return found
    }
}

/// How far this device's logits and mask are from the recorded ones.
struct Drift: Codable, Equatable, Sendable {
    /// Share of the photo's pixels whose class changed.
    let flips: Double
    let pixels: Int
    /// The largest difference of a logit, and decibels of the recorded logits' range over the RMS of all differences;
    /// nil where there is no difference at all.
    let error: Double
    let psnr: Double?

    /// - Throws: `BadInput`: of different sizes.
    init(reference: Recorded, logits: [Float], mask: Mask) throws {
        let (expected, recorded) = (try reference.mask.mask(), try reference.logits.floats())
        guard logits.count == recorded.count, (mask.height, mask.width) == (expected.height, expected.width) else {
            throw BadInput(
                "found \(logits.count) logits and a mask of \(mask.height) × \(mask.width), recorded are "
                    + "\(recorded.count) and \(expected.height) × \(expected.width)")
        }
        let differences = zip(logits, recorded).map { Double($0) - Double($1) }
        let square = differences.reduce(0) { $0 + $1 * $1 } / Double(max(differences.count, 1))
        let range = Double((recorded.max() ?? 0) - (recorded.min() ?? 0))
        pixels = expected.pixels.count
        flips = Double(zip(mask.pixels, expected.pixels).filter { $0 != $1 }.count) / Double(pixels)
        error = differences.map(abs).max() ?? 0
        psnr = square > 0 && range > 0 ? 20 * log10(range / square.squareRoot()) : nil
    }
}

/// What the self-test writes, for `Documents/` and the share sheet.
struct Report: Codable, Sendable {
    struct Milliseconds: Codable, Sendable {
        let p50: Double
        let p90: Double
        let runs: Int
    }

    var schema = 1
    let device: String
    let system: String
    var runtime = "Core ML"
    /// What Core ML was allowed, besides the CPU; what it took is its own choice.
    let unit: String
    let model: String
    let artefact: String
    let sha256: String
    let golden: [Replay]
    let drift: Drift
    /// Photo to mask: resizing, the model, and post-processing; nothing is drawn.
    let ms: Milliseconds

    /// At most one pixel in a thousand may flip, as for float16 in conversion/gate/budgets.yaml; the golden vectors not one.
    static let budget = 0.001

    var holds: Bool { golden.allSatisfy(\.holds) && drift.flips <= Self.budget }

    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return try encoder.encode(self)
    }
}

/// Runs the recorded photo through the model, times it, and replays the golden vectors.
///
/// - Parameters:
///   - artefact: With its manifest, in a folder that `make apps` wrote.
///   - golden: The folder of the vectors.
/// - Throws: `BadInput`, `CancellationError`, or what Core ML or the file system say.
func selfTest(
    _ artefact: Artefact, unit: ComputeUnit, golden: URL, device: String, system: String, runs: Int = 50
) async throws -> Report {
    guard let entry = artefact.entry else {
        throw BadInput("\(artefact.title) came without a manifest; the self-test runs models that `make apps` copied")
    }
    let folder = artefact.url.deletingLastPathComponent()
    let recorded = try Recorded.read(
        folder.appendingPathComponent("self-test.json"), name: "\(entry.target)-\(entry.precision)")
    // One of its own, so that its times are not those of a model that the camera uses at the same time.
    let segmenter = try await Segmenter.open(artefact, unit: unit)
    let (height, width) = (recorded.mask.shape[0], recorded.mask.shape[1])
    var mask = try Mask(height: height, width: width)
    var times = [Double]()
    let bytes = try recorded.photo.bytes()
    let logits = try bytes.withUnsafeBytes { bytes in
        let photo = try Photo(bytes, height: height, width: width)
        // The first few build what Core ML builds lazily.
        for run in -5..<runs {
            try Task.checkCancellation()
            let time = try segmenter.segment(photo, into: &mask).total
            if run >= 0 { times.append(time) }
        }
        return try segmenter.logits(of: photo)
    }
    let replays = try goldenFiles.map { file in
        try replay(file, Data(contentsOf: golden.appendingPathComponent(file).appendingPathExtension("json")))
    }
    return Report(
        device: device, system: system, unit: unit.rawValue, model: folder.lastPathComponent,
        artefact: recorded.name, sha256: entry.sha256, golden: replays,
        drift: try Drift(reference: recorded, logits: logits, mask: mask),
        ms: Report.Milliseconds(p50: quantile(times, 0.5), p90: quantile(times, 0.9), runs: runs))
}

/// As Apple names models, such as iPhone15,2; the simulator says what it runs on.
func deviceModel() -> String {
    var system = utsname()
    guard uname(&system) == 0 else { return "unknown" }
    return withUnsafeBytes(of: &system.machine) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
