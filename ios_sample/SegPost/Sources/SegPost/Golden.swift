import Foundation

// Replays the golden vectors, whose files and arithmetic docs/golden.md describes: in tests, and on the phone itself.

/// What one golden file found: how many vectors it has, and the names of those that this device computes otherwise.
public struct Replay: Codable, Equatable, Sendable {
    public let file: String
    public let vectors: Int
    public let failed: [String]

    /// Whether all are identical, to the bit.
    public var holds: Bool { failed.isEmpty }
}

/// The files that `replay` can read, without `.json`.
public var goldenFiles: [String] { replays.map(\.file) }

/// Every vector of one golden file; all must agree to the bit.
///
/// - Parameters:
///   - file: Its name without `.json`, one of `goldenFiles`.
///   - data: What is in it.
/// - Throws: `BadInput`: an unknown file or schema, a damaged vector, or none at all; or what decoding JSON throws.
public func replay(_ file: String, _ data: Data) throws -> Replay {
    guard let known = replays.first(where: { $0.file == file }) else {
        throw BadInput("golden file \(file) is unknown; expected one of \(goldenFiles.joined(separator: ", "))")
    }
    return try known.replay(file, data)
}

/// One file: its vectors, of one kind.
public struct Vectors<Vector: Decodable>: Decodable {
    public let vectors: [Vector]

    private enum Key: CodingKey {
        case schema, vectors
    }

    public init(from decoder: any Decoder) throws {
        let object = try decoder.container(keyedBy: Key.self)
        let schema = try object.decode(Int.self, forKey: .schema)
        guard schema == 1 else {
            throw BadInput("golden vectors have schema \(schema), this version reads 1: run `make apps` again")
        }
        vectors = try object.decode([Vector].self, forKey: .vectors)
    }
}

public struct Tensor: Decodable {
    public let type: String
    public let shape: [Int]
    /// Elements, the last axis fastest, little-endian.
    public let data: Data

    /// - Throws: `BadInput`: of another type, or with another number of elements than its shape has.
    public func bytes() throws -> [UInt8] {
        try expect("uint8", size: 1)
        return [UInt8](data)
    }

    /// - Throws: as `bytes`.
    public func floats() throws -> [Float] {
        try expect("float32", size: 4)
        return data.withUnsafeBytes { bytes in
            (0..<data.count / 4).map { index in
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
            }
        }
    }

    /// (rows, columns) as a mask.
    public func mask() throws -> Mask {
        try axes(2)
        return try Mask(height: shape[0], width: shape[1], pixels: bytes())
    }

    /// (rows, columns, 3), or with alpha (rows, columns, 4), as a picture.
    public func picture() throws -> Picture {
        try axes(3)
        if shape[2] == 4 { return try Picture(height: shape[0], width: shape[1], pixels: bytes()) }
        return try bytes().withUnsafeBytes { try Picture(Photo($0, height: shape[0], width: shape[1])) }
    }

    func axes(_ count: Int) throws {
        guard shape.count == count else { throw BadInput("a tensor has shape \(shape), expected \(count) axes") }
    }

    private func expect(_ expected: String, size: Int) throws {
        guard type == expected, shape.reduce(1, *) * size == data.count else {
            throw BadInput("a tensor is \(data.count) bytes of \(type) in shape \(shape), expected \(expected)")
        }
    }
}

/// Each file's vectors, in every form that apps have their result, against what was recorded.
private let replays: [(file: String, replay: @Sendable (String, Data) throws -> Replay)] = [
    ("resize", each { (vector: Resize) in try vector.holds() }),
    ("preprocess", each { (vector: Preprocess) in try vector.holds() }),
    (
        "postprocess",
        each { (vector: Postprocess) in
            let expected = try vector.mask.mask()
            return try vector.logits.floats().withUnsafeBytes { bytes in
                try postprocess(
                    Logits(bytes, shape: vector.logits.shape), vector.contract,
                    height: expected.height, width: expected.width)
            } == expected
        }
    ),
    (
        "overlay",
        each { (vector: Overlay) in
            try overlay(vector.photo.picture(), vector.mask.mask(), classes: vector.classes) == vector.picture.picture()
        }
    ),
    (
        "cut_out",
        each { (vector: CutOut) in
            try cutOut(vector.photo.picture(), vector.foreground.mask(), feather: vector.feather)
                == vector.picture.picture()
        }
    ),
    (
        "background",
        each { (vector: Background) in
            try blurredBackground(
                vector.photo.picture(), vector.foreground.mask(), feather: vector.feather, radius: vector.radius)
                == vector.picture.picture()
        }
    ),
    (
        "smooth",
        each { (vector: Smooth) in
            try smoothed(vector.previous.floats(), vector.logits.floats(), rate: vector.rate).map(\.bitPattern)
                == vector.smoothed.floats().map(\.bitPattern)
        }
    ),
]

private protocol Named: Decodable {
    var name: String { get }
}

private func each<Vector: Named>(
    _ holds: @escaping @Sendable (Vector) throws -> Bool
) -> @Sendable (String, Data) throws -> Replay {
    { file, data in
        let vectors = try JSONDecoder().decode(Vectors<Vector>.self, from: data).vectors
        guard !vectors.isEmpty else { throw BadInput("\(file).json has no vector, so nothing would be checked") }
        let failed = try vectors.filter { try !holds($0) }.map(\.name)
        return Replay(file: file, vectors: vectors.count, failed: failed)
    }
}

private struct Resize: Named {
    let name: String
    let values: Tensor, resized: Tensor

    /// Channel by channel: `bilinear` takes one, vectors have the channel as their last axis.
    func holds() throws -> Bool {
        try values.axes(3)
        try resized.axes(3)
        let (given, expected, channels) = (try values.floats(), try resized.floats(), values.shape[2])
        return try (0..<channels).allSatisfy { channel in
            func plane(_ floats: [Float]) -> [Float] { stride(from: channel, to: floats.count, by: channels).map { floats[$0] } }
            let found = try bilinear(
                plane(given), rows: values.shape[0], columns: values.shape[1],
                height: resized.shape[0], width: resized.shape[1])
            return found.map(\.bitPattern) == plane(expected).map(\.bitPattern)
        }
    }
}

private struct Preprocess: Named {
    let name: String
    let contract: Contract
    let photo: Tensor, input: Tensor

    /// As bytes and as floats.
    func holds() throws -> Bool {
        try photo.axes(3)
        let expected = try input.bytes()
        return try photo.bytes().withUnsafeBytes { bytes in
            let photo = try Photo(bytes, height: photo.shape[0], width: photo.shape[1])
            return input.shape == contract.inputShape && preprocess(photo, contract) == expected
                && preprocessFloats(photo, contract) == expected.map(Float.init)
        }
    }
}

private struct Postprocess: Named {
    let name: String
    let contract: Contract
    let logits: Tensor, mask: Tensor
}

private struct Overlay: Named {
    let name: String
    let photo: Tensor, mask: Tensor, picture: Tensor
    let classes: Int
}

private struct CutOut: Named {
    let name: String
    let photo: Tensor, foreground: Tensor, picture: Tensor
    let feather: Int
}

private struct Background: Named {
    let name: String
    let photo: Tensor, foreground: Tensor, picture: Tensor
    let feather: Int, radius: Int
}

private struct Smooth: Named {
    let name: String
    let previous: Tensor, logits: Tensor, smoothed: Tensor
    let rate: Double
}
