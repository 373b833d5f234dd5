/// Logits to mask, at the photo's own size.
///
/// - Parameters:
///   - height: Rows of the photo, seen upright.
///   - width: Columns of the photo, seen upright.
/// - Returns: Class indices: threshold (1 where the logit is above it), then opening, for a binary student; the first
///   largest channel otherwise.
/// - Throws: `BadInput`: another shape than the contract's, a value that is no finite number, or a size below 1.
public func postprocess(_ logits: Logits, _ contract: Contract, height: Int, width: Int) throws -> Mask {
    var mask = try Mask(height: height, width: width)
    try postprocess(logits, contract, into: &mask)
    return mask
}

/// The same into a mask that is already there, of the photo's size: for video, where nothing large is allocated per frame.
public func postprocess(_ logits: Logits, _ contract: Contract, into mask: inout Mask) throws {
    guard logits.shape == contract.logitsShape else {
        throw BadInput("logits have shape \(logits.shape), the contract says \(contract.logitsShape)")
    }
    guard contract.classes.count <= 256 else {
        throw BadInput("\(contract.classes.count) classes do not fit a mask of bytes, expected at most 256")
    }
    let (channels, rows, columns) = (logits.shape[0], logits.shape[1], logits.shape[2])
    let down = Taps(source: rows, target: mask.height), across = Taps(source: columns, target: mask.width)
    try withUnsafeTemporaryAllocation(of: Float.self, capacity: channels * rows * columns) { values in
        try logits.copy(to: values.baseAddress!)
        mask.pixels.withUnsafeMutableBufferPointer { pixels in
            if contract.isBinary {
                threshold(values.baseAddress!, columns, down, across, Float(contract.threshold), pixels.baseAddress!)
            } else {
                argmax(values.baseAddress!, channels, rows, columns, down, across, pixels.baseAddress!)
            }
        }
    }
    if contract.isBinary && contract.open > 1 { applyOpening(to: &mask, side: contract.open) }
}

/// 1 where the upsampled logit is above the threshold.
private func threshold(
    _ values: UnsafePointer<Float>, _ columns: Int, _ down: Taps, _ across: Taps, _ threshold: Float,
    _ pixels: UnsafeMutablePointer<UInt8>
) {
    let width = across.first.count
    across.first.withUnsafeBufferPointer { first in
        across.weight.withUnsafeBufferPointer { weight in
            eachRow(of: values, columns: columns, down: down) { row, value, slope in
                let line = pixels + row * width
                for column in 0..<width {
                    let left = first[column]
                    line[column] = value[left] + slope[left] * weight[column] > threshold ? 1 : 0
                }
            }
        }
    }
}

/// The first largest channel. Row by row, so that what is compared stays in the cache.
private func argmax(
    _ values: UnsafePointer<Float>, _ channels: Int, _ rows: Int, _ columns: Int, _ down: Taps, _ across: Taps,
    _ pixels: UnsafeMutablePointer<UInt8>
) {
    let width = across.first.count
    withUnsafeTemporaryAllocation(of: Float.self, capacity: width + 2 * columns) { scratch in
        let largest = scratch.baseAddress!, value = largest + width, slope = value + columns
        for row in 0..<down.first.count {
            let line = pixels + row * width
            let top = down.first[row] * columns, bottom = down.second[row] * columns
            largest.initialize(repeating: -.infinity, count: width)
            line.initialize(repeating: 0, count: width)
            for channel in 0..<channels {
                let plane = values + channel * rows * columns
                blend(plane + top, plane + bottom, down.weight[row], columns: columns, value: value, slope: slope)
                across.first.withUnsafeBufferPointer { first in
                    across.weight.withUnsafeBufferPointer { weight in
                        for column in 0..<width {
                            let left = first[column]
                            let logit = value[left] + slope[left] * weight[column]
                            // Both are chosen, not branched to: which class wins is as good as random at borders.
                            let isLarger = logit > largest[column]
                            largest[column] = isLarger ? logit : largest[column]
                            line[column] = isLarger ? UInt8(truncatingIfNeeded: channel) : line[column]
                        }
                    }
                }
            }
        }
    }
}
