// Bilinear resize with half-pixel centres, to the bit as docs/golden.md has it: positions in float64, values and weights
// in float32, rows first, then columns, each as `a + (b - a) * t`. Java's rules keep the two operations apart, on phones too.
package pocketmask.core

import kotlin.math.floor

/** (channels, rows, columns) resized to (channels, height, width), planar. */
fun bilinear(values: Logits, height: Int, width: Int): Logits {
    val resized = FloatArray(elements("a grid", values.channels, height, width))
    val resizer = Resizer(values, height, width)
    for (channel in 0 until values.channels) {
        for (y in 0 until height) resizer.row(channel, y, resized, (channel * height + y) * width)
    }
    return Logits.planar(resized, values.channels, height, width)
}

/** Row by row, so that nothing as large as the result need be held. */
internal class Resizer(private val source: Logits, height: Int, width: Int) {
    private val down = Taps(source.rows, height)
    private val across = Taps(source.columns, width)
    private val blended = FloatArray(source.columns)

    /** Row `y` of the result, written into [into] from [start] on. */
    fun row(channel: Int, y: Int, into: FloatArray, start: Int) {
        // As locals, or they are loaded anew for every pixel.
        val values = source.values
        val step = source.columnStride
        val blended = blended
        var top = channel * source.channelStride + down.first[y] * source.rowStride
        var bottom = channel * source.channelStride + down.second[y] * source.rowStride
        val t = down.weight[y]
        for (x in blended.indices) {
            blended[x] = values[top] + (values[bottom] - values[top]) * t
            top += step
            bottom += step
        }
        val first = across.first
        val second = across.second
        val weight = across.weight
        for (x in first.indices) {
            val left = blended[first[x]]
            into[start + x] = left + (blended[second[x]] - left) * weight[x]
        }
    }
}

/** For each target index of an axis: its two neighbours in the source, and the weight of the second. */
internal class Taps(source: Int, target: Int) {
    val first = IntArray(target)
    val second = IntArray(target)
    val weight = FloatArray(target)

    init {
        for (i in 0 until target) {
            // Outside the outermost centres the edge pixel is repeated.
            val position = (((i + 0.5) * source) / target - 0.5).coerceIn(0.0, source - 1.0)
            first[i] = floor(position).toInt()
            second[i] = minOf(first[i] + 1, source - 1)
            weight[i] = (position - first[i]).toFloat()
        }
    }
}

internal fun lerp(a: Float, b: Float, t: Float): Float = a + (b - a) * t
