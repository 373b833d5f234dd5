/// The logits of one photo, read where a runtime left them: of either float type, through any strides, as an MLMultiArray
/// gives them.
///
/// They do not own their bytes: use them only while those live, as within `MLMultiArray.withUnsafeBytes`.
public struct Logits {
    public enum Element: Sendable {
        /// Float16 by its bits: the type itself is missing on Intel Macs.
        case float16
        case float32

        var bytes: Int { self == .float16 ? 2 : 4 }
    }

    /// Channels, rows, columns.
    public let shape: [Int]
    /// Elements from one channel, row and column to the next.
    let strides: [Int]
    let element: Element
    let values: UnsafeRawBufferPointer

    /// - Parameters:
    ///   - values: All bytes of the tensor.
    ///   - shape: Channels, rows, columns; leading ones, such as a batch of one, are dropped.
    ///   - strides: Elements from one index to the next along each axis of `shape`; without gaps if nil.
    /// - Throws: `BadInput`: another number of axes, a size below 1, or strides that lead out of the bytes.
    public init(
        _ values: UnsafeRawBufferPointer, element: Element = .float32, shape: [Int], strides: [Int]? = nil
    ) throws {
        guard shape.count >= 3, shape.dropLast(3).allSatisfy({ $0 == 1 }), shape.allSatisfy({ $0 > 0 }),
            let count = product(shape)
        else {
            throw BadInput("logits have shape \(shape), expected [channels, rows, columns], each 1 or more")
        }
        let kept = Array(shape.suffix(3))
        let strides = strides ?? Array(repeating: 0, count: shape.count - 3) + [kept[1] * kept[2], kept[2], 1]
        guard strides.count == shape.count, strides.allSatisfy({ $0 >= 0 }) else {
            throw BadInput("logits have strides \(strides) for shape \(shape), expected as many, each 0 or more")
        }
        var last: Int? = 0
        for (size, stride) in zip(shape, strides) {
            guard let sum = last, let reach = product([size - 1, stride]) else { last = nil; break }
            let (partial, overflow) = sum.addingReportingOverflow(reach)
            last = overflow ? nil : partial
        }
        let available = values.count / element.bytes
        guard let last, last < available else {
            throw BadInput(
                "logits of shape \(shape), \(count) \(element) values by strides \(strides), lead out of the "
                    + "\(values.count) bytes that there are")
        }
        self.shape = kept
        self.strides = Array(strides.suffix(3))
        self.element = element
        self.values = values
    }

    /// All of them without gaps, as float32: what `smoothed` takes and gives.
    ///
    /// - Throws: `BadInput`: a value is not a number, or infinite.
    public func floats() throws -> [Float] {
        let count = shape.reduce(1, *)
        return try [Float](unsafeUninitializedCapacity: count) { values, initialised in
            try copy(to: values.baseAddress!)
            initialised = count
        }
    }

    /// Copy all, without gaps, as float32.
    ///
    /// - Throws: `BadInput`: a value is not a number, or infinite.
    func copy(to target: UnsafeMutablePointer<Float>) throws {
        let (channels, rows, columns) = (shape[0], shape[1], shape[2])
        // The largest exponent marks infinity and NaN; a maximum, unlike a branch, costs nothing per value.
        var largest: UInt32 = 0
        for channel in 0..<channels {
            for row in 0..<rows {
                let start = channel * strides[0] + row * strides[1]
                let line = target + (channel * rows + row) * columns
                switch element {
                case .float32: largest = max(largest, copyFloats(from: start, to: line, columns))
                case .float16: largest = max(largest, copyHalves(from: start, to: line, columns))
                }
            }
        }
        guard largest < 0x7f80_0000 else {
            let index = (0..<channels * rows * columns).first { !target[$0].isFinite } ?? 0
            throw BadInput(
                "logits hold \(target[index]) at channel \(index / (rows * columns)), row \(index / columns % rows), "
                    + "column \(index % columns), expected finite numbers: the model overflows on this compute unit, "
                    + "try another one or a float32 artefact")
        }
    }

    private func copyFloats(from start: Int, to line: UnsafeMutablePointer<Float>, _ columns: Int) -> UInt32 {
        var largest: UInt32 = 0
        let stride = strides[2]
        for column in 0..<columns {
            let bits = values.loadUnaligned(fromByteOffset: (start + column * stride) * 4, as: UInt32.self)
            largest = max(largest, bits & 0x7fff_ffff)
            line[column] = Float(bitPattern: bits)
        }
        return largest
    }

    private func copyHalves(from start: Int, to line: UnsafeMutablePointer<Float>, _ columns: Int) -> UInt32 {
        var largest: UInt32 = 0
        let stride = strides[2]
        for column in 0..<columns {
            let value = widened(values.loadUnaligned(fromByteOffset: (start + column * stride) * 2, as: UInt16.self))
            largest = max(largest, value.bitPattern & 0x7fff_ffff)
            line[column] = value
        }
        return largest
    }
}

/// The float32 equal to the float16 of these bits.
@inline(__always)
func widened(_ half: UInt16) -> Float {
    // Moved into place, its exponent counts from 2^-127 where it should from 2^-15; the multiplication mends that
    // without rounding, for the smallest as well. Infinity and NaN alone have no such factor.
    let bits = UInt32(half & 0x7fff) << 13
    let magnitude = bits < 0x0f80_0000 ? (Float(bitPattern: bits) * 0x1p112).bitPattern : bits | 0x7f80_0000
    return Float(bitPattern: magnitude | UInt32(half & 0x8000) << 16)
}
