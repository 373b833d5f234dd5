// What an app draws with a mask, in whole numbers, so that Python, Swift and Kotlin agree: docs/golden.md.

/// RGB, one per class, repeated when there are more; apart for eyes that confuse red and green.
public let colours: [SIMD3<UInt8>] = [
    SIMD3(0, 114, 178), SIMD3(230, 159, 0), SIMD3(0, 158, 115), SIMD3(204, 121, 167), SIMD3(86, 180, 233),
    SIMD3(213, 94, 0), SIMD3(240, 228, 66), SIMD3(51, 34, 136), SIMD3(153, 153, 51), SIMD3(136, 34, 85),
    SIMD3(102, 51, 0), SIMD3(120, 120, 120),
]

/// RGB of a class; a binary mask's foreground is index 1 of one class.
public func colour(of index: Int, classes: Int) -> SIMD3<UInt8> {
    colours[(index - (classes == 1 ? 1 : 0)) % colours.count]
}

/// The photo with each class tinted, and outlined where it meets another.
///
/// - Parameters:
///   - mask: A binary mask's 0, and what is no class, stays as it is.
///   - classes: As many as there are names; 1 for a binary mask.
/// - Throws: `BadInput`: the mask is not of the photo's size, or there are no classes.
public func overlay(_ photo: Picture, _ mask: Mask, classes: Int) throws -> Picture {
    try check(photo, mask)
    guard classes > 0 else { throw BadInput("found \(classes) classes, expected 1 or more") }
    let drawn = classes == 1 ? 1..<2 : 0..<classes
    let palette = (0..<256).map { drawn.contains($0) ? colour(of: $0, classes: classes) : .zero }
    let (height, width) = (mask.height, mask.width)
    var picture = photo
    picture.pixels.withUnsafeMutableBufferPointer { pixels in
        mask.pixels.withUnsafeBufferPointer { mask in
            for row in 0..<height {
                let line = row * width, above = max(row - 1, 0) * width, below = min(row + 1, height - 1) * width
                for column in 0..<width {
                    let index = mask[line + column]
                    guard drawn.contains(Int(index)) else { continue }
                    let left = max(column - 1, 0), right = min(column + 1, width - 1)
                    func differs(_ start: Int) -> Bool {
                        mask[start + left] != index || mask[start + column] != index || mask[start + right] != index
                    }
                    let isOutline = differs(above) || differs(line) || differs(below)
                    let colour = palette[Int(index)], pixel = (line + column) * 4
                    for channel in 0..<3 {
                        let tinted = (6 * UInt32(pixels[pixel + channel]) + 4 * UInt32(colour[channel]) + 5) / 10
                        pixels[pixel + channel] = isOutline ? colour[channel] : UInt8(truncatingIfNeeded: tinted)
                    }
                }
            }
        }
    }
    return picture
}

/// The photo, seen through where `foreground` is 0.
///
/// - Parameters:
///   - foreground: Of 0 and 1.
///   - feather: Pixels to either side of the edge over which it fades; 0: none.
/// - Throws: `BadInput`: the mask is not of the photo's size, or `feather` is negative.
public func cutOut(_ photo: Picture, _ foreground: Mask, feather: Int) throws -> Picture {
    try check(photo, foreground)
    let cover = try alpha(foreground, feather: feather)
    var picture = photo
    picture.pixels.withUnsafeMutableBufferPointer { pixels in
        for index in cover.indices { pixels[index * 4 + 3] = cover[index] }
    }
    return picture
}

/// The photo with all blurred that is not foreground; the foreground's colours do not bleed into it.
///
/// - Parameters:
///   - foreground: Of 0 and 1.
///   - feather: As for `cutOut`.
///   - radius: Of the square that is averaged, twice over, in pixels beside its centre.
/// - Throws: `BadInput`: the mask is not of the photo's size, or `feather` or `radius` is negative.
public func blurredBackground(_ photo: Picture, _ foreground: Mask, feather: Int, radius: Int) throws -> Picture {
    try check(photo, foreground)
    let cover = try alpha(foreground, feather: feather)
    guard radius >= 0 else { throw BadInput("radius is \(radius), expected 0 or more pixels") }
    return mixed(photo, blurred(blurred(photo, behind: cover, radius), behind: cover, radius), cover)
}

/// `photo` over `background` where `cover` is 255, under it where 0; opaque.
///
/// - Parameter cover: One byte per pixel, as `alpha` gives it.
/// - Throws: `BadInput`: they are not of one size.
public func composed(_ photo: Picture, _ background: Picture, _ cover: [UInt8]) throws -> Picture {
    guard (background.height, background.width) == (photo.height, photo.width), cover.count * 4 == photo.pixels.count
    else {
        throw BadInput(
            "the background is \(background.height) × \(background.width), the photo \(photo.height) × \(photo.width), "
                + "its cover \(cover.count) pixels; resize it first")
    }
    return mixed(photo, background, cover)
}

/// One byte per pixel: the share of foreground in the square around it, what is in frame of it.
///
/// - Throws: `BadInput`: `feather` is negative.
public func alpha(_ foreground: Mask, feather: Int) throws -> [UInt8] {
    guard feather >= 0 else { throw BadInput("feather is \(feather), expected 0 or more pixels") }
    let (height, width) = (foreground.height, foreground.width)
    let radius = min(feather, max(height, width))
    return [UInt8](unsafeUninitializedCapacity: height * width) { cover, initialised in
        foreground.pixels.withUnsafeBufferPointer { foreground in
            eachSquare(height, width, radius) { row, column in
                SIMD2<Int32>(Int32(foreground[row * width + column]), 0)
            } body: { row, column, sum in
                let rows = min(row + radius, height - 1) - max(row - radius, 0) + 1
                let columns = min(column + radius, width - 1) - max(column - radius, 0) + 1
                let inside = Int(sum.x), count = rows * columns
                // Nearly all squares are all or nothing; a division is the dearest operation here.
                let share = inside == 0 ? 0 : inside == count ? 255 : (2 * 255 * inside + count) / (2 * count)
                cover[row * width + column] = UInt8(truncatingIfNeeded: share)
            }
        }
        initialised = height * width
    }
}

/// The logits of a frame, drawn towards those before it: previous + (logits - previous) * rate, in float32.
///
/// - Parameters:
///   - previous: What this gave for the frame before; nil for the first, and where the picture has cut.
///   - logits: Of this frame, as `Logits.floats` gives them.
///   - rate: Above 0 and at most 1, which changes nothing.
/// - Throws: `BadInput`: another rate, or two frames of different sizes.
public func smoothed(_ previous: [Float]?, _ logits: [Float], rate: Double) throws -> [Float] {
    guard rate > 0, rate <= 1 else { throw BadInput("rate is \(rate), expected above 0 and at most 1") }
    guard let previous, rate < 1 else { return logits }
    guard previous.count == logits.count else {
        throw BadInput("the frame before has \(previous.count) logits, this one \(logits.count); start anew with nil")
    }
    let rate = Float(rate)
    return [Float](unsafeUninitializedCapacity: logits.count) { smoothed, initialised in
        for index in logits.indices { smoothed[index] = lerp(previous[index], logits[index], rate) }
        initialised = logits.count
    }
}

private func mixed(_ photo: Picture, _ background: Picture, _ cover: [UInt8]) -> Picture {
    var picture = photo
    picture.pixels.withUnsafeMutableBufferPointer { pixels in
        background.pixels.withUnsafeBufferPointer { background in
            for index in cover.indices {
                let over = UInt32(cover[index]), under = 255 - over
                for byte in index * 4..<index * 4 + 3 {
                    let sum = over * UInt32(pixels[byte]) + under * UInt32(background[byte]) + 127
                    pixels[byte] = UInt8(truncatingIfNeeded: sum / 255)
                }
                pixels[index * 4 + 3] = 255
            }
        }
    }
    return picture
}

/// Averaged once, each pixel counting by 255 less its cover; one with no weight around it stays as it is.
private func blurred(_ photo: Picture, behind cover: [UInt8], _ radius: Int) -> Picture {
    let (height, width) = (photo.height, photo.width)
    var picture = photo
    picture.pixels.withUnsafeMutableBufferPointer { pixels in
        photo.pixels.withUnsafeBufferPointer { photo in
            cover.withUnsafeBufferPointer { cover in
                eachSquare(height, width, min(radius, max(height, width))) { row, column in
                    let index = row * width + column, weight = 255 - Int64(cover[index])
                    let value = SIMD4(
                        Int64(photo[index * 4]), Int64(photo[index * 4 + 1]), Int64(photo[index * 4 + 2]), 1)
                    return value &* weight
                } body: { row, column, sum in
                    guard sum.w > 0 else { return }
                    // floor((2 Σ + w) / 2w), exactly: half a unit more keeps the product further from a whole number
                    // than float64 errs, as long as w is below 2^42.
                    let reciprocal = 0.5 / Double(sum.w)
                    let index = (row * width + column) * 4
                    for channel in 0..<3 {
                        let mean = (Double(2 * sum[channel] + sum.w) + 0.5) * reciprocal
                        pixels[index + channel] = UInt8(truncatingIfNeeded: Int32(mean))
                    }
                }
            }
        }
    }
    return picture
}

/// The sum of `sample` over the square of 2 · radius + 1 pixels around each, where in frame: each column's sum goes down
/// with the row, and their sum goes right.
@inline(__always)
private func eachSquare<Sum: SIMD>(
    _ height: Int, _ width: Int, _ radius: Int,
    sample: (_ row: Int, _ column: Int) -> Sum, body: (_ row: Int, _ column: Int, _ sum: Sum) -> Void
) where Sum.Scalar: FixedWidthInteger {
    withUnsafeTemporaryAllocation(of: Sum.self, capacity: width) { columns in
        columns.initialize(repeating: .zero)
        for row in 0..<min(radius, height) {
            for column in 0..<width { columns[column] &+= sample(row, column) }
        }
        for row in 0..<height {
            if row + radius < height {
                for column in 0..<width { columns[column] &+= sample(row + radius, column) }
            }
            if row > radius {
                for column in 0..<width { columns[column] &-= sample(row - radius - 1, column) }
            }
            var sum = Sum.zero
            for column in 0..<min(radius, width) { sum &+= columns[column] }
            for column in 0..<width {
                if column + radius < width { sum &+= columns[column + radius] }
                if column > radius { sum &-= columns[column - radius - 1] }
                body(row, column, sum)
            }
        }
    }
}

private func check(_ photo: Picture, _ mask: Mask) throws {
    guard (photo.height, photo.width) == (mask.height, mask.width) else {
        throw BadInput("the mask is \(mask.height) × \(mask.width), its photo \(photo.height) × \(photo.width)")
    }
}
