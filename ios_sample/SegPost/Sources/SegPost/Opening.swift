/// Eroded, then dilated, by an ellipse of `side` × `side` pixels; beyond the frame nothing is known to differ.
///
/// - Parameters:
///   - mask: Of 0 and 1.
///   - side: Odd; 1 leaves the mask alone.
public func opened(_ mask: Mask, side: Int) -> Mask {
    var mask = mask
    applyOpening(to: &mask, side: side)
    return mask
}

/// At row offset -r to r, r being half of `side`: how many pixels the ellipse spans to either side of its centre.
public func ellipse(_ side: Int) -> [Int] {
    let radius = side / 2
    return (-radius...radius).map { offset in
        Int(Double(radius * radius - offset * offset).squareRoot().rounded(.toNearestOrEven))
    }
}

/// The same in place.
func applyOpening(to mask: inout Mask, side: Int) {
    // 64 pixels to a word. Where nothing beyond the frame counts, dilating is eroding the complement.
    var bits = Bits(mask)
    let spans = ellipse(side)
    bits.erode(by: spans)
    bits.invert()
    bits.erode(by: spans)
    bits.invert()
    bits.unpack(into: &mask)
}

/// A mask of 0 and 1 with 64 pixels to a word, the first in the lowest bit.
private struct Bits {
    let height: Int, width: Int
    /// Words per row.
    let words: Int
    var rows: [UInt64]

    init(_ mask: Mask) {
        height = mask.height
        width = mask.width
        words = (width + 63) / 64
        rows = [UInt64](repeating: 0, count: height * words)
        mask.pixels.withUnsafeBytes { pixels in
            for y in 0..<height {
                var x = 0
                // The multiplication gathers the lowest bits of eight bytes in the highest byte.
                while x + 8 <= width {
                    let eight = UInt64(littleEndian: pixels.loadUnaligned(fromByteOffset: y * width + x, as: UInt64.self))
                    rows[y * words + x / 64] |= ((eight &* 0x0102_0408_1020_4080) >> 56) << UInt64(x % 64)
                    x += 8
                }
                while x < width {
                    rows[y * words + x / 64] |= UInt64(pixels[y * width + x]) << UInt64(x % 64)
                    x += 1
                }
            }
        }
    }

    func unpack(into mask: inout Mask) {
        mask.pixels.withUnsafeMutableBytes { pixels in
            for y in 0..<height {
                var x = 0
                // Eight copies of a byte, one bit left in each, carried up to where all are 1.
                while x + 8 <= width {
                    let byte = rows[y * words + x / 64] >> UInt64(x % 64) & 0xff
                    let one = byte &* 0x0101_0101_0101_0101 & 0x8040_2010_0804_0201
                    let eight = (one &+ 0x7f7f_7f7f_7f7f_7f7f) >> 7 & 0x0101_0101_0101_0101
                    pixels.storeBytes(of: eight.littleEndian, toByteOffset: y * width + x, as: UInt64.self)
                    x += 8
                }
                while x < width {
                    pixels[y * width + x] = UInt8(rows[y * words + x / 64] >> UInt64(x % 64) & 1)
                    x += 1
                }
            }
        }
    }

    mutating func invert() {
        for index in rows.indices { rows[index] = ~rows[index] }
    }

    /// 1 where all pixels under the ellipse are 1; those beyond the frame are left out, which is to say that they are 1.
    mutating func erode(by spans: [Int]) {
        let radius = spans.count / 2
        if width % 64 != 0 {
            let beyond = ~UInt64(0) << UInt64(width % 64)
            for y in 0..<height { rows[(y + 1) * words - 1] |= beyond }
        }
        var eroded = [UInt64](repeating: ~0, count: rows.count)
        var across = rows
        rows.withUnsafeBufferPointer { rows in
            across.withUnsafeMutableBufferPointer { across in
                eroded.withUnsafeMutableBufferPointer { eroded in
                    for span in 0...(spans.max() ?? 0) {
                        // From `span - 1` columns to either side to `span`. A span beyond the frame adds nothing.
                        if span > 0 && span < width { narrow(rows, across, by: span) }
                        for (index, dy) in (-radius...radius).enumerated() where spans[index] == span {
                            for y in max(0, -dy)..<max(min(height, height - dy), max(0, -dy)) {
                                for word in 0..<words { eroded[y * words + word] &= across[(y + dy) * words + word] }
                            }
                        }
                    }
                }
            }
        }
        rows = eroded
    }

    /// Leave 1 only where the pixels `span` columns to the left and to the right are 1 as well.
    private func narrow(
        _ rows: UnsafeBufferPointer<UInt64>, _ across: UnsafeMutableBufferPointer<UInt64>, by span: Int
    ) {
        let whole = span / 64, part = UInt64(span % 64)
        for y in 0..<height {
            let start = y * words
            for word in 0..<words {
                var right = shifted(rows, start, word + whole) >> part, left = shifted(rows, start, word - whole) << part
                if part > 0 {
                    right |= shifted(rows, start, word + whole + 1) << (64 - part)
                    left |= shifted(rows, start, word - whole - 1) >> (64 - part)
                }
                across[start + word] &= right & left
            }
        }
    }

    /// The word of a row, or the ones beyond the frame.
    @inline(__always)
    private func shifted(_ rows: UnsafeBufferPointer<UInt64>, _ start: Int, _ word: Int) -> UInt64 {
        word >= 0 && word < words ? rows[start + word] : ~0
    }
}
