// The arithmetic of SegPost on files, so that tests and scripts can hold it against Python's.

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
