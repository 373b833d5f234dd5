package pocketmask.core

/**
 * (channels, rows, columns) of float32 in an array, in whichever order a runtime leaves them.
 *
 * Element (c, y, x) lies at `c * channelStep + y * rowStep + x * columnStep`. Holds the array, does not copy it.
 */
class Grid private constructor(
    val values: FloatArray,
    val channels: Int,
    val rows: Int,
    val columns: Int,
    val channelStep: Int,
    val rowStep: Int,
    val columnStep: Int,
) {
    init {
        val expected = elements("a grid", channels, rows, columns)
        if (values.size != expected) {
            throw BadInput("found ${values.size} values, expected $expected: $channels channels of $rows × $columns")
        }
    }

    /** Channels, rows, columns. */
    val shape: List<Int> get() = listOf(channels, rows, columns)

    internal fun isLike(other: Grid): Boolean =
        shape == other.shape && channelStep == other.channelStep && rowStep == other.rowStep && columnStep == other.columnStep

    /** Other values in the same order. */
    internal fun with(values: FloatArray): Grid = Grid(values, channels, rows, columns, channelStep, rowStep, columnStep)

    operator fun get(channel: Int, row: Int, column: Int): Float =
        values[channel * channelStep + row * rowStep + column * columnStep]

    companion object {
        /** One channel after the other, as ONNX and Core ML have them. */
        fun planar(values: FloatArray, channels: Int, rows: Int, columns: Int): Grid =
            Grid(values, channels, rows, columns, rows * columns, columns, 1)

        /** All channels of a pixel beside each other, as TFLite has them. */
        fun interleaved(values: FloatArray, channels: Int, rows: Int, columns: Int): Grid =
            Grid(values, channels, rows, columns, 1, columns * channels, channels)
    }
}
