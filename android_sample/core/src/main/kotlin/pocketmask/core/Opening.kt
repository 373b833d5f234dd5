package pocketmask.core

import kotlin.math.round
import kotlin.math.sqrt

/** A mask of 0 and 1 eroded, then dilated, in place, by an ellipse of [side] × [side] pixels. The frame erodes nothing. */
fun opened(mask: Mask, side: Int): Mask {
    val spans = ellipse(side)
    val words = (mask.width + 63) / 64
    val bits = pack(mask, words)
    // Eroding is dilating the background: what lies beyond the frame is then left out of both alike.
    invert(bits, mask.width, words)
    val background = dilated(bits, mask.height, words, spans)
    invert(background, mask.width, words)
    unpack(dilated(background, mask.height, words, spans), mask, words)
    return mask
}

/** For each row of an ellipse of [side] rows: how many pixels it spans to either side of its centre column. */
fun ellipse(side: Int): IntArray {
    if (side < 1 || side % 2 == 0) throw BadInput("an ellipse of side $side has no centre; use an odd side")
    val radius = side / 2
    return IntArray(side) { y ->
        val dy = (y - radius).toDouble()
        round(sqrt(radius.toDouble() * radius - dy * dy)).toInt()
    }
}

// Opening works on 64 pixels at once: pixel x of a row is bit x % 64 of its word x / 64.

private fun pack(mask: Mask, words: Int): LongArray {
    val bits = LongArray(mask.height * words)
    for (y in 0 until mask.height) {
        var at = y * mask.width
        for (word in 0 until words) {
            val count = minOf(64, mask.width - word * 64)
            var packed = 0L
            for (bit in 0 until count) packed = packed or (mask.pixels[at++].toLong() shl bit)
            bits[y * words + word] = packed
        }
    }
    return bits
}

private fun unpack(bits: LongArray, mask: Mask, words: Int) {
    for (y in 0 until mask.height) {
        var at = y * mask.width
        for (word in 0 until words) {
            val count = minOf(64, mask.width - word * 64)
            val packed = bits[y * words + word]
            for (bit in 0 until count) mask.pixels[at++] = (packed ushr bit and 1L).toByte()
        }
    }
}

/** In place; the bits beyond the last pixel of a row stay 0. */
private fun invert(bits: LongArray, width: Int, words: Int) {
    val last = -1L ushr (words * 64 - width)
    for (i in bits.indices) bits[i] = bits[i].inv() and (if (i % words == words - 1) last else -1L)
}

/** A row reaches the rows above and below it as far as the ellipse does, spread by that row's span. */
private fun dilated(bits: LongArray, height: Int, words: Int, spans: IntArray): LongArray {
    val radius = spans.size / 2
    val dilated = LongArray(bits.size)
    val spread = LongArray(words)
    val left = LongArray(words)
    val right = LongArray(words)
    for (y in 0 until height) {
        bits.copyInto(spread, 0, y * words, (y + 1) * words)
        spread.copyInto(left)
        spread.copyInto(right)
        var span = 0
        // From the ellipse's ends to its middle, where spans only grow.
        for (dy in radius downTo 0) {
            while (span < spans[radius + dy]) {
                shift(left, right)
                for (i in 0 until words) spread[i] = spread[i] or left[i] or right[i]
                span++
            }
            join(spread, dilated, y - dy, height)
            if (dy > 0) join(spread, dilated, y + dy, height)
        }
    }
    return dilated
}

/** One pixel further to the left, one to the right; what leaves the row is gone. */
private fun shift(left: LongArray, right: LongArray) {
    val words = left.size
    for (i in 0 until words) left[i] = (left[i] ushr 1) or (if (i + 1 < words) left[i + 1] shl 63 else 0L)
    for (i in words - 1 downTo 0) right[i] = (right[i] shl 1) or (if (i > 0) right[i - 1] ushr 63 else 0L)
}

private fun join(row: LongArray, into: LongArray, y: Int, height: Int) {
    if (y !in 0 until height) return
    val start = y * row.size
    for (i in row.indices) into[start + i] = into[start + i] or row[i]
}
