import Foundation
import SegPost

// The files of docs/golden.md, and this device's arithmetic held against them.

/// One file: its vectors, of one kind.
struct Vectors<Vector: Decodable>: Decodable {
    let vectors: [Vector]

    private enum Key: CodingKey {
        case schema, vectors
    }

    init(from decoder: any Decoder) throws {
        let object = try decoder.container(keyedBy: Key.self)
        let schema = try object.decode(Int.self, forKey: .schema)
        guard schema == 1 else {
            throw BadInput("golden vectors have schema \(schema), this version reads 1: run `make apps` again")
        }
        vectors = try object.decode([Vector].self, forKey: .vectors)
    }
}

struct Tensor: Decodable {
    let type: String
    let shape: [Int]
    /// Elements, the last axis fastest, little-endian.
    let data: Data

    /// - Throws: `BadInput`: of another type, or with another number of elements than its shape has.
    func bytes() throws -> [UInt8] {
        try expect("uint8", size: 1)
        return [UInt8](data)
    }

    /// - Throws: as `bytes`.
    func floats() throws -> [Float] {
        try expect("float32", size: 4)
        return data.withUnsafeBytes { bytes in
            (0..<data.count / 4).map { index in
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
            }
        }
    }

    /// (rows, columns) as a mask.
    func mask() throws -> Mask {
        try axes(2)
        return try Mask(height: shape[0], width: shape[1], pixels: bytes())
    }

    /// (rows, columns, 3), or with alpha (rows, columns, 4), as a picture.
    func picture() throws -> Picture {
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

/// What one golden file found: how many vectors it has, and the names of those that this device computes otherwise.
struct Replay: Codable, Equatable, Sendable {
    let file: String
    let vectors: Int
    let failed: [String]
}

/// Replays every golden file of a folder; all must agree to the bit.
///
/// - Throws: `BadInput`, or what reading a missing or damaged file throws.
func replay(_ folder: URL) throws -> [Replay] {
    [
        try replay(folder, "resize") { (vector: Resize) in
            try vector.holds()
        },
        try replay(folder, "preprocess") { (vector: Preprocess) in
            let shape = vector.photo.shape
            try vector.photo.axes(3)
            return try vector.photo.bytes().withUnsafeBytes { bytes in
                preprocess(try Photo(bytes, height: shape[0], width: shape[1]), vector.contract)
            } == vector.input.bytes()
        },
        try replay(folder, "postprocess") { (vector: Postprocess) in
            let expected = try vector.mask.mask()
            return try vector.logits.floats().withUnsafeBytes { bytes in
                try postprocess(
                    Logits(bytes, shape: vector.logits.shape), vector.contract,
                    height: expected.height, width: expected.width)
            } == expected
        },
        try replay(folder, "overlay") { (vector: Overlay) in
            try overlay(vector.photo.picture(), vector.mask.mask(), classes: vector.classes) == vector.picture.picture()
        },
        try replay(folder, "cut_out") { (vector: CutOut) in
            try cutOut(vector.photo.picture(), vector.foreground.mask(), feather: vector.feather)
                == vector.picture.picture()
        },
        try replay(folder, "background") { (vector: Background) in
            try blurredBackground(
                vector.photo.picture(), vector.foreground.mask(), feather: vector.feather, radius: vector.radius)
                == vector.picture.picture()
        },
        try replay(folder, "smooth") { (vector: Smooth) in
            try smoothed(vector.previous.floats(), vector.logits.floats(), rate: vector.rate).map(\.bitPattern)
                == vector.smoothed.floats().map(\.bitPattern)
        },
    ]
}

private protocol Named: Decodable {
    var name: String { get }
}

private func replay<Vector: Named>(
    _ folder: URL, _ stem: String, _ holds: (Vector) throws -> Bool
) throws -> Replay {
    let data = try Data(contentsOf: folder.appendingPathComponent(stem).appendingPathExtension("json"))
    let vectors = try JSONDecoder().decode(Vectors<Vector>.self, from: data).vectors
    let failed = try vectors.filter { try !holds($0) }.map(\.name)
    return Replay(file: stem, vectors: vectors.count, failed: failed)
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
