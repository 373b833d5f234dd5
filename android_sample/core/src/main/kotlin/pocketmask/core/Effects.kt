// What an app draws with a mask, in whole numbers, as docs/golden.md specifies it.
//
// Pictures are packed 0xAARRGGBB, row by row, as Android's `Bitmap.setPixels` takes them. Each is written into an array
// that may be given again for the next frame.
package pocketmask.core

/** One per class, repeated when there are more; apart for eyes that confuse red and green. */
private val COLOURS = intArrayOf(
    rgb(0, 114, 178), rgb(230, 159, 0), rgb(0, 158, 115), rgb(204, 121, 167), rgb(86, 180, 233), rgb(213, 94, 0),
    rgb(240, 228, 66), rgb(51, 34, 136), rgb(153, 153, 51), rgb(136, 34, 85), rgb(102, 51, 0), rgb(120, 120, 120),
)

/** Opaque, of a class; a binary mask's foreground is index 1 of one class. */
fun colour(index: Int, classes: Int): Int = COLOURS[(index - (if (classes == 1) 1 else 0)) % COLOURS.size]

/**
 * The photo with each class tinted, and outlined where it meets another.
 *
 * @param mask of the photo's size. A binary mask's 0, and what is no class, stays as it is.
 * @param classes as many as there are names; 1 for a binary mask.
 * @throws BadInput the mask or [picture] is not of the photo's size.
 */
fun overlay(photo: Photo, mask: Mask, classes: Int, picture: IntArray = IntArray(photo.height * photo.width)): IntArray {
    check(photo, mask, picture)
    val first = if (classes == 1) 1 else 0
    val end = maxOf(2, classes)
    for (y in 0 until mask.height) {
        for (x in 0 until mask.width) {
            val index = mask[y, x]
            val pixel = photo[y, x]
            picture[y * mask.width + x] = when {
                index < first || index >= end -> pixel or OPAQUE
                isOutline(mask, y, x) -> colour(index, classes)
                else -> eachChannel(pixel, colour(index, classes)) { of, colour -> (6 * of + 4 * colour + 5) / 10 }
            }
        }
    }
    return picture
}

/**
 * The photo, seen through where [foreground] is 0; colours are not multiplied by alpha.
 *
 * @param foreground of the photo's size, 0 and 1.
 * @param feather pixels to either side of the edge over which it fades; 0: none.
 * @throws BadInput the mask or [picture] is not of the photo's size.
 */
fun cutOut(photo: Photo, foreground: Mask, feather: Int, picture: IntArray = IntArray(photo.height * photo.width)): IntArray {
    check(photo, foreground, picture)
    val cover = alpha(foreground, feather)
    for (y in 0 until photo.height) {
        for (x in 0 until photo.width) {
            val at = y * photo.width + x
            picture[at] = (photo[y, x] and OPAQUE.inv()) or (byte(cover, at) shl 24)
        }
    }
    return picture
}

/**
 * The photo with all blurred that is not foreground; the foreground's colours do not bleed into it.
 *
 * @param radius of the square that is averaged, twice over, in pixels beside its centre.
 * @throws BadInput the mask or [picture] is not of the photo's size.
 */
fun blurredBackground(
    photo: Photo,
    foreground: Mask,
    feather: Int,
    radius: Int,
    picture: IntArray = IntArray(photo.height * photo.width),
): IntArray {
    check(photo, foreground, picture)
    val cover = alpha(foreground, feather)
    return composed(photo, blurred(photo, cover, radius), cover, picture)
}

/**
 * [photo] over [background] where [cover] is 255, under it where 0.
 *
 * @throws BadInput they are not of one size.
 */
fun composed(
    photo: Photo,
    background: IntArray,
    cover: ByteArray,
    picture: IntArray = IntArray(photo.height * photo.width),
): IntArray {
    val count = photo.height * photo.width
    for ((what, size) in listOf("background" to background.size, "cover" to cover.size, "picture" to picture.size)) {
        if (size != count) throw BadInput("the $what has $size pixels, its photo ${photo.height} × ${photo.width}; resize it first")
    }
    for (y in 0 until photo.height) {
        for (x in 0 until photo.width) {
            val at = y * photo.width + x
            val over = byte(cover, at)
            picture[at] = eachChannel(photo[y, x], background[at]) { of, behind -> (over * of + (255 - over) * behind + 127) / 255 }
        }
    }
    return picture
}

/** (height, width) 0 to 255: the share of foreground in the square around each pixel, what is in frame of it. */
fun alpha(foreground: Mask, feather: Int): ByteArray {
    val cover = ByteArray(foreground.pixels.size)
    val (height, width) = foreground.height to foreground.width
    window(height, width, feather, { foreground.pixels[it].toLong() }) { at, inside ->
        val count = framed(at / width, feather, height).toLong() * framed(at % width, feather, width)
        cover[at] = ((2 * 255 * inside + count) / (2 * count)).toByte()
    }
    return cover
}

/**
 * The logits of a frame, drawn towards those before it: previous + (logits - previous) * rate, in float32.
 *
 * @param previous what this gave for the frame before; null for the first, and where the picture has cut.
 * @param logits of this frame, of the same shape and order.
 * @param rate above 0 and at most 1, which changes nothing.
 * @param into where the result is written; the values of [previous] may be given.
 * @throws BadInput another rate, or logits of two shapes.
 */
fun smoothed(previous: Logits?, logits: Logits, rate: Double, into: FloatArray = FloatArray(logits.values.size)): Logits {
    if (!(rate > 0 && rate <= 1)) throw BadInput("rate $rate must be above 0 and at most 1, which smooths nothing")
    if (previous == null || rate == 1.0) return logits
    if (!previous.isLike(logits) || into.size != logits.values.size) {
        throw BadInput("logits of ${logits.shape} cannot follow logits of ${previous.shape}; start anew with none")
    }
    val weight = rate.toFloat()
    for (i in into.indices) into[i] = previous.values[i] + (logits.values[i] - previous.values[i]) * weight
    return logits.with(into)
}

private const val OPAQUE = 0xFF shl 24

private fun rgb(red: Int, green: Int, blue: Int): Int = OPAQUE or (red shl 16) or (green shl 8) or blue

private fun byte(bytes: ByteArray, at: Int): Int = bytes[at].toInt() and 0xFF

private inline fun eachChannel(one: Int, other: Int, mix: (Int, Int) -> Int): Int = rgb(
    mix(one shr 16 and 0xFF, other shr 16 and 0xFF),
    mix(one shr 8 and 0xFF, other shr 8 and 0xFF),
    mix(one and 0xFF, other and 0xFF),
)

private fun check(photo: Photo, mask: Mask, picture: IntArray) {
    if (mask.height != photo.height || mask.width != photo.width) {
        throw BadInput("the mask is ${mask.height} × ${mask.width}, its photo ${photo.height} × ${photo.width}")
    }
    if (picture.size != photo.height * photo.width) {
        throw BadInput("the picture has ${picture.size} pixels, its photo ${photo.height} × ${photo.width}")
    }
}

/** Whether one of the eight pixels around differs, of those in frame. */
private fun isOutline(mask: Mask, y: Int, x: Int): Boolean {
    val index = mask[y, x]
    for (row in maxOf(y - 1, 0)..minOf(y + 1, mask.height - 1)) {
        for (column in maxOf(x - 1, 0)..minOf(x + 1, mask.width - 1)) {
            if (mask[row, column] != index) return true
        }
    }
    return false
}

/** Averaged twice, each pixel counting by what [cover] leaves; one with no weight around it stays as it is. */
private fun blurred(photo: Photo, cover: ByteArray, radius: Int): IntArray {
    val (height, width) = photo.height to photo.width
    val total = LongArray(cover.size)
    window(height, width, radius, { 255L - byte(cover, it) }) { at, weights -> total[at] = weights }
    var picture = IntArray(cover.size) { photo[it / width, it % width] or OPAQUE }
    repeat(2) {
        val source = picture
        val averaged = IntArray(source.size) { at -> if (total[at] > 0) OPAQUE else source[at] }
        for (shift in 16 downTo 0 step 8) {
            window(height, width, radius, { (255L - byte(cover, it)) * (source[it] shr shift and 0xFF) }) { at, sum ->
                val known = total[at]
                if (known > 0) averaged[at] = averaged[at] or (((2 * sum + known) / (2 * known)).toInt() shl shift)
            }
        }
        picture = averaged
    }
    return picture
}

/** Of the rows or columns within [radius] of [at], how many are in frame. */
private fun framed(at: Int, radius: Int, length: Int): Int = reach(at, radius, length) - maxOf(at - radius, 0)

/** The first beyond; the sum is taken where it cannot overflow. */
private fun reach(at: Int, radius: Int, length: Int): Int = if (radius < length - at) at + radius + 1 else length

/** Sums over the square of 2 · radius + 1 pixels around each, where in frame: a band of rows slides down, a square along it. */
private inline fun window(height: Int, width: Int, radius: Int, value: (at: Int) -> Long, put: (at: Int, sum: Long) -> Unit) {
    if (radius < 0) throw BadInput("radius $radius must be 0 or more pixels")
    val band = LongArray(width)
    var entered = 0
    for (y in 0 until height) {
        val below = reach(y, radius, height)
        while (entered < below) {
            for (x in 0 until width) band[x] += value(entered * width + x)
            entered++
        }
        if (y > radius) {
            for (x in 0 until width) band[x] -= value((y - radius - 1) * width + x)
        }
        var sum = 0L
        var right = 0
        for (x in 0 until width) {
            val beyond = reach(x, radius, width)
            while (right < beyond) sum += band[right++]
            if (x > radius) sum -= band[x - radius - 1]
            put(y * width + x, sum)
        }
    }
}
