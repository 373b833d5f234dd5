// The arithmetic of SegPost on files, so that tests and scripts can hold it against Python's.

import Dispatch
import Foundation
import SegPost

let usage = """
    usage:
      segpost-command mask CONTRACT LOGITS HEIGHT WIDTH MASK
          CONTRACT: its JSON. LOGITS: channels × rows × columns, float32 or float16 by the file's size, little-endian.
          MASK: written, HEIGHT × WIDTH bytes.
      segpost-command input CONTRACT PHOTO HEIGHT WIDTH ORIENTATION INPUT
          PHOTO: HEIGHT × WIDTH × 3 bytes of RGB as stored, ORIENTATION: EXIF's 1 to 8. INPUT: written, bytes of RGB.
      segpost-command bench [REPETITIONS]
          Milliseconds of 256 × 256 logits to a mask of 720 × 1280, and of a 720 × 1280 photo to an input of 256 × 256.
    """

func read(_ path: String) throws -> Data {
    do { return try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
        throw BadInput("\(path) cannot be read: \(error.localizedDescription)")
    }
}

func write(_ bytes: [UInt8], to path: String) throws {
    do { try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
        throw BadInput("\(path) cannot be written: \(error.localizedDescription)")
    }
}

func number(_ text: String, _ name: String) throws -> Int {
    guard let number = Int(text) else { throw BadInput("\(name) is \(text), expected a whole number") }
    return number
}

func mask(contract: Contract, logits: Data, height: Int, width: Int) throws -> Mask {
    let count = contract.logitsShape.reduce(1, *)
    guard logits.count == 4 * count || logits.count == 2 * count else {
        throw BadInput(
            "logits are \(logits.count) bytes, expected \(4 * count) of float32 or \(2 * count) of float16 "
                + "for \(contract.logitsShape)")
    }
    return try logits.withUnsafeBytes { bytes in
        let element: Logits.Element = bytes.count == 4 * count ? .float32 : .float16
        return try postprocess(
            Logits(bytes, element: element, shape: contract.logitsShape), contract, height: height, width: width)
    }
}

func input(contract: Contract, photo: Data, height: Int, width: Int, orientation: Int) throws -> [UInt8] {
    guard let orientation = Orientation(rawValue: orientation) else {
        throw BadInput("orientation is \(orientation), expected EXIF's 1 to 8")
    }
    return try photo.withUnsafeBytes { bytes in
        preprocess(try Photo(bytes, height: height, width: width, orientation: orientation), contract)
    }
}

/// The fastest, the median and the ninetieth in a hundred, in milliseconds.
func time(_ what: String, repetitions: Int, _ body: () throws -> Void) rethrows {
    var times = [Double]()
    for _ in 0..<max(repetitions, 1) {
        let start = DispatchTime.now().uptimeNanoseconds
        try body()
        times.append(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6)
    }
    times.sort()
    let columns = [times[0], times[times.count / 2], times[times.count * 9 / 10]].map { String(format: "%.3f", $0) }
    print("\(what)\tmin \(columns[0])\tp50 \(columns[1])\tp90 \(columns[2])")
}

func bench(repetitions: Int) throws {
    let (height, width) = (720, 1280)
    var mask = try Mask(height: height, width: width)
    let cases: [(name: String, classes: Int, open: Int, element: Logits.Element)] = [
        ("mask", 1, 0, .float32), ("mask, float16", 1, 0, .float16), ("mask, open 7", 1, 7, .float32),
        ("mask, 11 classes", 11, 0, .float32),
    ]
    for (name, classes, open, element) in cases {
        let contract = try Contract(
            height: 256, width: 256, stride: 1, classes: (0..<classes).map(String.init), open: open)
        // Waves, so that a mask has areas and borders as real ones do.
        let values = (0..<classes * 256 * 256).map { index in
            Float(sin(Double(index % 256) / 20 + Double(index / 65536)) + cos(Double(index / 256 % 256) / 15)) * 4
        }
        // Truncated bits are the float16 of a value near enough, for a timing.
        let halves = values.map { value in
            let bits = value.bitPattern
            return UInt16(bits >> 16 & 0x8000) | UInt16(max(0, Int(bits >> 13 & 0x3ffff) - 0x1c000) & 0x7fff)
        }
        func run(_ bytes: UnsafeRawBufferPointer) throws {
            let logits = try Logits(bytes, element: element, shape: contract.logitsShape)
            try time(name, repetitions: repetitions) { try postprocess(logits, contract, into: &mask) }
        }
        if element == .float32 { try values.withUnsafeBytes(run) } else { try halves.withUnsafeBytes(run) }
    }
    let contract = try Contract(height: 256, width: 256, stride: 4, classes: ["coin"])
    for (name, height, width) in [("input", 720, 1280), ("input, 12 megapixels", 3024, 4032)] {
        let photo = (0..<height * width * 4).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var pixels = [UInt8](repeating: 0, count: 256 * 256 * 4)
        for orientation in [Orientation.up, .right] {
            try photo.withUnsafeBytes { bytes in
                let photo = try Photo(bytes, height: height, width: width, format: .bgra, orientation: orientation)
                try time("\(name), orientation \(orientation.rawValue)", repetitions: repetitions) {
                    try pixels.withUnsafeMutableBytes { try preprocess(photo, contract, into: $0, format: .bgra) }
                }
            }
        }
    }
}

func run(_ arguments: [String]) throws {
    switch (arguments.first, arguments.count) {
    case ("mask", 6):
        let contract = try Contract(json: read(arguments[1]))
        let (height, width) = (try number(arguments[3], "HEIGHT"), try number(arguments[4], "WIDTH"))
        let found = try mask(contract: contract, logits: read(arguments[2]), height: height, width: width)
        try write(found.pixels, to: arguments[5])
    case ("input", 7):
        let contract = try Contract(json: read(arguments[1]))
        let (height, width) = (try number(arguments[3], "HEIGHT"), try number(arguments[4], "WIDTH"))
        let orientation = try number(arguments[5], "ORIENTATION")
        let found = try input(
            contract: contract, photo: read(arguments[2]), height: height, width: width, orientation: orientation)
        try write(found, to: arguments[6])
    case ("bench", 1): try bench(repetitions: 100)
    case ("bench", 2): try bench(repetitions: number(arguments[1], "REPETITIONS"))
    default: throw BadInput(usage)
    }
}

do {
    try run(Array(CommandLine.arguments.dropFirst()))
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(2)
}
