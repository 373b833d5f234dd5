// How long each step takes on one thread, for the sizes that a phone's camera has.
package pocketmask.core

import kotlin.math.cos
import kotlin.math.sin
import kotlin.time.measureTime

private const val SIDE = 256
private const val HEIGHT = 720
private const val WIDTH = 1280
private const val RUNS = 100

/** Prints the fastest run, the median and the ninth tenth, in milliseconds; the first runs, before code is compiled, count not. */
internal fun bench() {
    val photo = Photo.of(IntArray(HEIGHT * WIDTH) { it * -1640531535 }, HEIGHT, WIDTH)
    val turned = Photo.of(photo.pixels, WIDTH, HEIGHT, 6)
    val mask = Mask(HEIGHT, WIDTH)
    val plain = Contract(SIDE, SIDE, 1, listOf("person"))
    val open = plain.copy(open = 7)
    val classes = Contract(SIDE, SIDE, 1, listOf("sky", "road", "tree", "car", "cyclist"))
    val bytes = preprocess(photo, plain)
    val floats = FloatArray(bytes.size)
    val binary = blobs(1)
    val several = blobs(5)
    println("ms, one thread: fastest, p50, p90 of $RUNS runs")
    timed("photo $HEIGHT × $WIDTH to input $SIDE², uint8") { preprocess(photo, plain, bytes) }
    timed("photo $HEIGHT × $WIDTH to input $SIDE², float, turned") { preprocessFloats(turned, plain, floats) }
    timed("logits $SIDE² to mask $HEIGHT × $WIDTH") { postprocess(binary, plain, mask) }
    timed("logits $SIDE² to mask $HEIGHT × $WIDTH, open 7") { postprocess(binary, open, mask) }
    timed("logits $SIDE² to mask $HEIGHT × $WIDTH, 5 classes") { postprocess(several, classes, mask) }
}

private fun timed(what: String, step: () -> Unit) {
    repeat(RUNS) { step() }
    val milliseconds = List(RUNS) { measureTime(step).inWholeNanoseconds / 1e6 }.sorted()
    val figures = listOf(0, RUNS / 2, RUNS * 9 / 10).joinToString("  ") { "%6.2f".format(milliseconds[it]) }
    println("$figures  $what")
}

/** Smooth logits with many edges, as TFLite gives them: the channels of a pixel beside each other. */
private fun blobs(channels: Int): Logits {
    val values = FloatArray(SIDE * SIDE * channels) {
        val (x, y) = it / channels % SIDE to it / channels / SIDE
        (8 * sin(x * 0.11 + it % channels) * cos(y * 0.07 - it % channels)).toFloat()
    }
    return Logits.interleaved(values, channels, SIDE, SIDE)
}
