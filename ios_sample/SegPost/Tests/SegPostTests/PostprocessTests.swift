import SegPost
import XCTest

final class PostprocessTests: XCTestCase {
    private let binary = try! Contract(height: 24, width: 32, stride: 4, classes: ["coin"], open: 3)
    private let street = try! Contract(height: 24, width: 32, stride: 4, classes: ["sky", "road", "tree"])

    func testLogitsAreReadThroughAnyStrides() throws {
        for contract in [binary, street] {
            let (shape, values) = (contract.logitsShape, waves(contract))
            let expected = try values.withUnsafeBytes {
                try postprocess(Logits($0, shape: shape), contract, height: 50, width: 41)
            }
            // Rows padded to 64 bytes as Core ML does, and channels last, each in a batch of one.
            for strides in [[9999, shape[1] * 16, 16, 1], [1, 1, shape[2] * shape[0], shape[0]]] {
                var spread = [Float](repeating: .nan, count: shape[0] * shape[1] * 16 + shape.reduce(1, *))
                for index in values.indices {
                    let (channel, row, column) = position(index, shape)
                    spread[channel * strides[1] + row * strides[2] + column * strides[3]] = values[index]
                }
                let mask = try spread.withUnsafeBytes {
                    try postprocess(
                        Logits($0, shape: [1] + shape, strides: strides), contract, height: 50, width: 41)
                }
                XCTAssertEqual(mask, expected)
            }
        }
    }

    func testEveryFloat16IsReadAsItsValue() throws {
        // By the definition of the format: sign, 5 bits of exponent, 10 of fraction.
        let halves = (0...UInt16.max).filter { $0 >> 10 & 31 != 31 }
        let found = try halves.withUnsafeBytes {
            try Logits($0, element: .float16, shape: [1, 1, halves.count]).floats()
        }
        for (half, value) in zip(halves, found) {
            let exponent = Int(half >> 10 & 31), fraction = Double(half & 1023) / 1024
            let magnitude = exponent == 0
                ? Double(sign: .plus, exponent: -14, significand: fraction)
                : Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction)
            let expected = Float(half >> 15 == 1 ? -magnitude : magnitude)
            if value.bitPattern != expected.bitPattern { return XCTFail("\(half): \(value), expected \(expected)") }
        }
    }

    func testALogitThatIsNoFiniteNumberIsRefusedAndNamed() throws {
        for bad in [Float.nan, -.signalingNaN, .infinity, -.infinity] {
            var values = waves(street)
            values[1 * 48 + 2 * 8 + 5] = bad
            assertRefused("at channel 1, row 2, column 5, expected finite numbers") {
                try values.withUnsafeBytes {
                    try postprocess(Logits($0, shape: self.street.logitsShape), self.street, height: 9, width: 9)
                }
            }
        }
        for bad in [0x7c00, 0xfc00, 0x7e00, 0x7c01] as [UInt16] {
            let halves = [0, 0x3c00, bad, 0]
            assertRefused("at channel 0, row 1, column 0") {
                try halves.withUnsafeBytes { try Logits($0, element: .float16, shape: [1, 2, 2]).floats() }
            }
        }
    }

    func testWhatAreNoLogitsIsRefused() {
        let values = [Float](repeating: 0, count: 48)
        func logits(_ shape: [Int], _ strides: [Int]? = nil) throws -> [Int] {
            try values.withUnsafeBytes { try Logits($0, shape: shape, strides: strides).shape }
        }
        assertRefused("have shape [6, 8], expected [channels, rows, columns]") { try logits([6, 8]) }
        assertRefused("have shape [2, 1, 6, 4]") { try logits([2, 1, 6, 4]) }
        assertRefused("have shape [1, 0, 8]") { try logits([1, 0, 8]) }
        assertRefused("have shape [1, -6, -8]") { try logits([1, -6, -8]) }
        assertRefused("lead out of the 192 bytes") { try logits([1, 7, 7]) }
        assertRefused("lead out of the 192 bytes") { try logits([1, 6, 8], [48, 16, 1]) }
        assertRefused("lead out of the 192 bytes") { try logits([1, 2, 2], [0, Int.max, Int.max]) }
        assertRefused("strides [8, 1] for shape [1, 6, 8]") { try logits([1, 6, 8], [8, 1]) }
        assertRefused("strides [0, -8, 1]") { try logits([1, 6, 8], [0, -8, 1]) }
        assertRefused("have shape [\(Int.max), 2, 1]") { try logits([Int.max, 2, 1]) }
    }

    func testLogitsOfAnotherContractAreRefusedWithBothShapes() throws {
        let values = waves(binary)
        try values.withUnsafeBytes { bytes in
            let logits = try Logits(bytes, shape: [1, 8, 6])
            assertRefused("logits have shape [1, 8, 6], the contract says [1, 6, 8]") {
                try postprocess(logits, self.binary, height: 9, width: 9)
            }
        }
    }

    func testAMaskWithoutPixelsIsRefused() throws {
        let values = waves(binary)
        try values.withUnsafeBytes { bytes in
            let logits = try Logits(bytes, shape: binary.logitsShape)
            for (height, width) in [(0, 9), (9, 0), (-1, 9), (Int.max, 2)] {
                assertRefused("found \(height) × \(width)") {
                    try postprocess(logits, self.binary, height: height, width: width)
                }
            }
        }
    }

    func testMoreClassesThanAByteHoldsAreRefused() throws {
        let many = try Contract(height: 1, width: 1, stride: 1, classes: (0...256).map(String.init))
        let values = [Float](repeating: 0, count: 257)
        try values.withUnsafeBytes { bytes in
            let logits = try Logits(bytes, shape: many.logitsShape)
            assertRefused("257 classes do not fit") { try postprocess(logits, many, height: 1, width: 1) }
        }
    }

    func testAMaskThatIsUsedAgainHoldsNothingOfTheFrameBefore() throws {
        var mask = try Mask(height: 30, width: 33)
        for contract in [street, binary, street] {
            let values = waves(contract)
            try values.withUnsafeBytes { bytes in
                let logits = try Logits(bytes, shape: contract.logitsShape)
                try postprocess(logits, contract, into: &mask)
                XCTAssertEqual(mask, try postprocess(logits, contract, height: 30, width: 33))
            }
        }
    }

    func testAHugeMaskIsDrawn() throws {
        let values = waves(binary)
        let mask = try values.withUnsafeBytes {
            try postprocess(Logits($0, shape: binary.logitsShape), binary, height: 3000, width: 4000)
        }
        let share = Double(mask.pixels.reduce(0) { $0 + Int($1) }) / 12e6
        XCTAssertEqual(share, 0.5, accuracy: 0.2)
    }

    private func waves(_ contract: Contract) -> [Float] {
        let shape = contract.logitsShape
        return (0..<shape.reduce(1, *)).map { index in
            let (channel, row, column) = position(index, shape)
            return Float((row * 7 + column * 5 + channel * 11) % 13) - 6
        }
    }

    private func position(_ index: Int, _ shape: [Int]) -> (channel: Int, row: Int, column: Int) {
        (index / (shape[1] * shape[2]), index / shape[2] % shape[1], index % shape[2])
    }
}
