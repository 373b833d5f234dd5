import Foundation
import SegPost
import XCTest

/// Every vector of docs/golden.md: masks and pictures to the byte, floats to the bit.
///
/// `make golden` writes them to golden/ in the repository; SEGPOST_GOLDEN names another folder.
final class GoldenTests: XCTestCase {
    func testResize() throws {
        struct Vector: Decodable { let values, resized: Tensor<Float> }
        try replay("resize", Vector.self) { vector in
            let (shape, target) = (vector.values.shape, vector.resized.shape)
            var found = [Float](repeating: .nan, count: vector.resized.elements.count)
            for channel in 0..<shape[2] {
                let values = stride(from: channel, to: vector.values.elements.count, by: shape[2])
                    .map { vector.values.elements[$0] }
                let resized = try bilinear(
                    values, rows: shape[0], columns: shape[1], height: target[0], width: target[1])
                for (index, value) in resized.enumerated() { found[index * shape[2] + channel] = value }
            }
            return found.map(\.bitPattern) == vector.resized.elements.map(\.bitPattern)
        }
    }

    func testPreprocess() throws {
        struct Vector: Decodable { let contract: Contract, photo, input: Tensor<UInt8> }
        try replay("preprocess", Vector.self) { vector in
            try vector.photo.elements.withUnsafeBytes { bytes in
                let photo = try Photo(bytes, height: vector.photo.shape[0], width: vector.photo.shape[1])
                return vector.input.shape == vector.contract.inputShape
                    && preprocess(photo, vector.contract) == vector.input.elements
                    && preprocessFloats(photo, vector.contract) == vector.input.elements.map(Float.init)
            }
        }
    }

    func testPostprocess() throws {
        struct Vector: Decodable { let contract: Contract, logits: Tensor<Float>, mask: Tensor<UInt8> }
        try replay("postprocess", Vector.self) { vector in
            let mask = try vector.logits.elements.withUnsafeBytes { bytes in
                try postprocess(
                    Logits(bytes, shape: vector.logits.shape), vector.contract, height: vector.mask.shape[0],
                    width: vector.mask.shape[1])
            }
            return mask.pixels == vector.mask.elements
        }
    }

    func testOverlay() throws {
        struct Vector: Decodable { let photo, mask, picture: Tensor<UInt8>, classes: Int }
        try replay("overlay", Vector.self) { vector in
            try overlay(vector.photo.picture(), vector.mask.mask(), classes: vector.classes)
                == vector.picture.picture()
        }
    }

    func testCutOut() throws {
        struct Vector: Decodable { let photo, foreground, picture: Tensor<UInt8>, feather: Int }
        try replay("cut_out", Vector.self) { vector in
            try cutOut(vector.photo.picture(), vector.foreground.mask(), feather: vector.feather)
                == vector.picture.picture()
        }
    }

    func testBackground() throws {
        struct Vector: Decodable { let photo, foreground, picture: Tensor<UInt8>, feather, radius: Int }
        try replay("background", Vector.self) { vector in
            try blurredBackground(
                vector.photo.picture(), vector.foreground.mask(), feather: vector.feather, radius: vector.radius)
                == vector.picture.picture()
        }
    }

    func testSmooth() throws {
        struct Vector: Decodable { let previous, logits, smoothed: Tensor<Float>, rate: Double }
        try replay("smooth", Vector.self) { vector in
            let found = try smoothed(vector.previous.elements, vector.logits.elements, rate: vector.rate)
            return found.map(\.bitPattern) == vector.smoothed.elements.map(\.bitPattern)
        }
    }

    func testThereIsATestForEveryFile() throws {
        let known: Set = ["resize", "preprocess", "postprocess", "overlay", "cut_out", "background", "smooth"]
        let files = try FileManager.default.contentsOfDirectory(at: folder(), includingPropertiesForKeys: nil)
        XCTAssertEqual(Set(files.map { $0.deletingPathExtension().lastPathComponent }), known)
    }

    private func replay<Vector: Decodable>(_ stem: String, _: Vector.Type, agrees: (Vector) throws -> Bool) throws {
        let data = try Data(contentsOf: folder().appendingPathComponent("\(stem).json"))
        let file = try JSONDecoder().decode(GoldenFile<Vector>.self, from: data)
        XCTAssertEqual(file.schema, 1)
        XCTAssertFalse(file.vectors.isEmpty)
        for vector in file.vectors {
            XCTAssertTrue(try agrees(vector.content), "\(stem): \(vector.name)")
        }
        print("golden: \(file.vectors.count) vectors of \(stem)")
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

private struct GoldenFile<Vector: Decodable>: Decodable {
    struct Named: Decodable {
        let name: String
        let content: Vector

        private enum Key: CodingKey { case name }

        init(from decoder: Decoder) throws {
            name = try decoder.container(keyedBy: Key.self).decode(String.self, forKey: .name)
            content = try Vector(from: decoder)
        }
    }

    let schema: Int
    let vectors: [Named]
}

private struct Tensor<Element>: Decodable {
    let shape: [Int]
    let elements: [Element]

    private enum Key: CodingKey { case type, shape, data }

    init(from decoder: Decoder) throws {
        let object = try decoder.container(keyedBy: Key.self)
        let type = try object.decode(String.self, forKey: .type)
        guard type == (Element.self == Float.self ? "float32" : "uint8") else {
            throw BadInput("tensor of \(type), expected \(Element.self)")
        }
        shape = try object.decode([Int].self, forKey: .shape)
        let data = try object.decode(Data.self, forKey: .data)
        elements = data.withUnsafeBytes { bytes in
            (0..<data.count / MemoryLayout<Element>.size).map {
                bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.size, as: Element.self)
            }
        }
        guard elements.count == shape.reduce(1, *) else { throw BadInput("\(elements.count) elements of \(shape)") }
    }
}

extension Tensor where Element == UInt8 {
    func mask() throws -> Mask { try Mask(height: shape[0], width: shape[1], pixels: elements) }

    /// RGB becomes opaque.
    func picture() throws -> Picture {
        if shape[2] == 4 { return try Picture(height: shape[0], width: shape[1], pixels: elements) }
        return try elements.withUnsafeBytes { Picture(try Photo($0, height: shape[0], width: shape[1])) }
    }
}
