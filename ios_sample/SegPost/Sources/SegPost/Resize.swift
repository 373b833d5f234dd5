// Bilinear resize with half-pixel centres, to the bit the same in Python, Swift and Kotlin: docs/golden.md.
//
// Positions are float64, values and weights float32; rows first, then columns, each as a + (b - a) * t, which keeps a
// constant constant. Swift never fuses a multiplication and an addition by itself, which would round once instead of twice.

/// For each target index: its two neighbours in the source, and the weight of the second.
struct Taps {
    let first: [Int]
    let second: [Int]
    let weight: [Float]

    init(source: Int, target: Int) {
        var first = [Int](), second = [Int](), weight = [Float]()
        first.reserveCapacity(target)
        second.reserveCapacity(target)
        weight.reserveCapacity(target)
        for index in 0..<target {
            // Pixel centres sit at half-integers. Starting at 0 instead would shift every mask by half a stride.
            let centre = (Double(index) + 0.5) * Double(source) / Double(target) - 0.5
            let position = min(max(centre, 0), Double(source - 1))
            let below = Int(position)
            first.append(below)
            second.append(min(below + 1, source - 1))
            weight.append(Float(position - Double(below)))
        }
        self.first = first
        self.second = second
        self.weight = weight
    }
}

@inline(__always)
func lerp(_ a: Float, _ b: Float, _ t: Float) -> Float { a + (b - a) * t }

/// The row between two rows, ready to be stretched: the value of each column, and the way from it to the next.
@inline(__always)
func blend(
    _ upper: UnsafePointer<Float>, _ lower: UnsafePointer<Float>, _ weight: Float, columns: Int,
    value: UnsafeMutablePointer<Float>, slope: UnsafeMutablePointer<Float>
) {
    for column in 0..<columns {
        value[column] = lerp(upper[column], lower[column], weight)
    }
    for column in 0..<columns - 1 {
        slope[column] = value[column + 1] - value[column]
    }
    slope[columns - 1] = 0
}

/// One channel, resized row by row.
///
/// - Parameters:
///   - values: `rows` × `columns`, without gaps.
///   - body: Called for each row of the result, top to bottom, with its index and what its column `x` is made of:
///     `value[across.first[x]] + slope[across.first[x]] * across.weight[x]`.
@inline(__always)
func eachRow(
    of values: UnsafePointer<Float>, columns: Int, down: Taps,
    body: (_ row: Int, _ value: UnsafePointer<Float>, _ slope: UnsafePointer<Float>) -> Void
) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * columns) { scratch in
        let value = scratch.baseAddress!, slope = value + columns
        for row in 0..<down.first.count {
            blend(
                values + down.first[row] * columns, values + down.second[row] * columns, down.weight[row],
                columns: columns, value: value, slope: slope)
            body(row, value, slope)
        }
    }
}

/// One channel of `rows` × `columns` values, resized to `height` × `width`. Nothing is averaged when shrinking.
///
/// - Throws: `BadInput`: a size below 1, or another number of values than rows × columns.
public func bilinear(_ values: [Float], rows: Int, columns: Int, height: Int, width: Int) throws -> [Float] {
    guard rows > 0, columns > 0, height > 0, width > 0, product([rows, columns]) == values.count,
        let count = product([height, width])
    else {
        throw BadInput("\(values.count) values of \(rows) × \(columns) cannot be resized to \(height) × \(width)")
    }
    let down = Taps(source: rows, target: height), across = Taps(source: columns, target: width)
    return [Float](unsafeUninitializedCapacity: count) { resized, initialised in
        eachRow(of: values, columns: columns, down: down) { row, value, slope in
            for column in 0..<width {
                let first = across.first[column]
                resized[row * width + column] = value[first] + slope[first] * across.weight[column]
            }
        }
        initialised = count
    }
}
