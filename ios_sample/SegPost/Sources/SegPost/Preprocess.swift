/// The input of a photo: stretched to the contract's size, still raw RGB.
///
/// Whole numbers from 0 to 255, because a Core ML image can hold nothing else; a half is rounded up.
///
/// - Returns: `height` × `width` × 3, without gaps.
public func preprocess(_ photo: Photo, _ contract: Contract) -> [UInt8] {
    let count = contract.height * contract.width * 3
    return [UInt8](unsafeUninitializedCapacity: count) { input, initialised in
        eachPixel(of: photo, contract) { row, column, red, green, blue in
            let pixel = (row * contract.width + column) * 3
            input[pixel] = red
            input[pixel + 1] = green
            input[pixel + 2] = blue
        }
        initialised = count
    }
}

/// The same whole numbers as float32, for an artefact that takes a tensor.
public func preprocessFloats(_ photo: Photo, _ contract: Contract) -> [Float] {
    let count = contract.height * contract.width * 3
    return [Float](unsafeUninitializedCapacity: count) { input, initialised in
        eachPixel(of: photo, contract) { row, column, red, green, blue in
            let pixel = (row * contract.width + column) * 3
            input[pixel] = Float(red)
            input[pixel + 1] = Float(green)
            input[pixel + 2] = Float(blue)
        }
        initialised = count
    }
}

/// The same into pixels that are already there, such as a locked CVPixelBuffer's; alpha becomes 255.
///
/// - Parameter bytesPerRow: Rows without a gap if nil.
/// - Throws: `BadInput`: `input` is smaller than the contract's size.
public func preprocess(
    _ photo: Photo, _ contract: Contract, into input: UnsafeMutableRawBufferPointer, bytesPerRow: Int? = nil,
    format: PixelFormat
) throws {
    let bytesPerRow = try format.bytesPerRow(
        of: "model input", height: contract.height, width: contract.width, given: bytesPerRow, available: input.count)
    let (red, green, blue, bytes) = (format.red, format.green, format.blue, format.bytes)
    eachPixel(of: photo, contract) { row, column, r, g, b in
        let pixel = row * bytesPerRow + column * bytes
        input[pixel + red] = r
        input[pixel + green] = g
        input[pixel + blue] = b
        if bytes == 4 { input[pixel + 3] = 255 }
    }
}

@inline(__always)
private func eachPixel(
    of photo: Photo, _ contract: Contract,
    body: (_ row: Int, _ column: Int, _ red: UInt8, _ green: UInt8, _ blue: UInt8) -> Void
) {
    let down = Taps(source: photo.height, target: contract.height)
    let across = Taps(source: photo.width, target: contract.width)
    let (red, green, blue) = (photo.format.red, photo.format.green, photo.format.blue)

    @inline(__always)
    func pixel(_ row: Int, _ column: Int) {
        let upper = photo.origin + down.first[row] * photo.rowStride
        let lower = photo.origin + down.second[row] * photo.rowStride
        let left = across.first[column] * photo.columnStride, right = across.second[column] * photo.columnStride
        let t = down.weight[row], u = across.weight[column]

        @inline(__always)
        func value(_ channel: Int) -> UInt8 {
            let first = lerp(Float(upper[left + channel]), Float(lower[left + channel]), t)
            let second = lerp(Float(upper[right + channel]), Float(lower[right + channel]), t)
            // Between 0.5 and 255.5: cut off, it is a byte, with halves rounded up.
            return UInt8(truncatingIfNeeded: Int32(lerp(first, second, u) + 0.5))
        }
        body(row, column, value(red), value(green), value(blue))
    }

    // Along the photo's rows as stored, whichever way up it is: memory is read in its own order.
    if abs(photo.columnStride) <= abs(photo.rowStride) {
        for row in 0..<contract.height { for column in 0..<contract.width { pixel(row, column) } }
    } else {
        for column in 0..<contract.width { for row in 0..<contract.height { pixel(row, column) } }
    }
}
