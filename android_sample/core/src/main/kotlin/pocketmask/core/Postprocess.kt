// Logits to mask, at the photo's own size, as docs/golden.md specifies it.
package pocketmask.core

import kotlin.math.round
import kotlin.math.sqrt

/** The mask of a photo of [height] × [width] pixels; see the other form for the rest. */
fun postprocess(logits: Logits, contract: Contract, height: Int, width: Int): Mask =
    postprocess(logits, contract, Mask(height, width))

/**
 * Threshold (1 where the upsampled logit is above it), then opening, for a binary student; else the first largest channel.
 *
 * @param logits of one photo, shaped as the contract says.
 * @param mask of the photo's own size; written and returned. Give the same one again for the next frame.
 * @throws BadInput the logits have another shape, or are not all finite.
 */
fun postprocess(logits: Logits, contract: Contract, mask: Mask): Mask {
    if (logits.shape != contract.logitsShape) {
        throw BadInput("logits have shape ${logits.shape}, the contract says ${contract.logitsShape}")
    }
    checkFinite(logits)
    if (contract.isBinary) {
        threshold(logits, contract.threshold.toFloat(), mask)
        if (contract.open > 1) opened(mask, contract.open)
    } else {
        argmax(logits, mask)
    }
    return mask
}

private fun checkFinite(logits: Logits) {
    // An average of what is not finite would quietly become background.
    val bad = logits.values.indexOfFirst { !it.isFinite() }
    if (bad >= 0) {
        throw BadInput(
            "logits must be finite, found ${logits.values[bad]} at value $bad of ${logits.values.size}; " +
                "run the model in float32 or on the CPU, or export it anew",
        )
    }
}

private fun threshold(logits: Logits, threshold: Float, mask: Mask) {
    val width = mask.width
    val resizer = Resizer(logits, mask.height, width)
    val row = FloatArray(width)
    val pixels = mask.pixels
    for (y in 0 until mask.height) {
        resizer.row(0, y, row, 0)
        val start = y * width
        for (x in 0 until width) pixels[start + x] = if (row[x] > threshold) 1 else 0
    }
}

private fun argmax(logits: Logits, mask: Mask) {
    val width = mask.width
    val resizer = Resizer(logits, mask.height, width)
    val largest = FloatArray(width)
    val row = FloatArray(width)
    val pixels = mask.pixels
    for (y in 0 until mask.height) {
        val start = y * width
        resizer.row(0, y, largest, 0)
        pixels.fill(0, start, start + width)
        for (channel in 1 until logits.channels) {
            resizer.row(channel, y, row, 0)
            for (x in 0 until width) {
                if (row[x] > largest[x]) {
                    largest[x] = row[x]
                    pixels[start + x] = channel.toByte()
                }
            }
        }
    }
}

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
