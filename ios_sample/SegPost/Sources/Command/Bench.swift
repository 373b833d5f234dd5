// How long each step takes on one thread, for the sizes that a phone's camera has.

import Dispatch
import Foundation
import SegPost

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
            try timed(name, repetitions: repetitions) { try postprocess(logits, contract, into: &mask) }
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
                try timed("\(name), orientation \(orientation.rawValue)", repetitions: repetitions) {
                    try pixels.withUnsafeMutableBytes { try preprocess(photo, contract, into: $0, format: .bgra) }
                }
            }
        }
    }
}

/// The fastest, the median and the ninetieth in a hundred, in milliseconds.
private func timed(_ what: String, repetitions: Int, _ body: () throws -> Void) rethrows {
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
