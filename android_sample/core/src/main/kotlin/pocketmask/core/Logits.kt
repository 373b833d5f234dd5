package pocketmask.core

/**
 * The logits of one photo, (channels, rows, columns) of float32 in an array, in whichever order a runtime leaves them.
 *
 * Element (c, y, x) lies at `c * channelStride + y * rowStride + x * columnStride`. Holds the array, does not copy it.
 */
class Logits private constructor(
    val values: FloatArray,
    val channels: Int,
    val rows: Int,
    val columns: Int,
    val channelStride: Int,
    val rowStride: Int,
    val columnStride: Int,
) {
    init {
        val expected = elements("a grid", channels, rows, columns)
        if (values.size != expected) {
            throw BadInput("found ${values.size} values, expected $expected: $channels channels of $rows × $columns")
        }
    }

    /** Channels, rows, columns. */
    val shape: List<Int> get() = listOf(channels, rows, columns)

    private val strides: List<Int> get() = listOf(channelStride, rowStride, columnStride)

    internal fun isLike(other: Logits): Boolean = shape == other.shape && strides == other.strides

    /** Other values in the same order. */
    internal fun with(values: FloatArray): Logits = Logits(values, channels, rows, columns, channelStride, rowStride, columnStride)

    operator fun get(channel: Int, row: Int, column: Int): Float =
        values[channel * channelStride + row * rowStride + column * columnStride]

    companion object {
        /** One channel after the other, as ONNX and Core ML have them. */
        fun planar(values: FloatArray, channels: Int, rows: Int, columns: Int): Logits =
            Logits(values, channels, rows, columns, rows * columns, columns, 1)

        /** All channels of a pixel beside each other, as TFLite has them. */
        fun interleaved(values: FloatArray, channels: Int, rows: Int, columns: Int): Logits =
            Logits(values, channels, rows, columns, 1, columns * channels, channels)
    }
}
