// Logits to mask, at the photo's own size, as docs/golden.md specifies it.
package pocketmask.core

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
