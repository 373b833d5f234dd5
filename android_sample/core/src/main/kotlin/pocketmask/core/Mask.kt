package pocketmask.core

/**
 * Class index per pixel; for a binary student 1 is foreground.
 *
 * @property pixels (height, width) uint8, row by row.
 */
class Mask(val height: Int, val width: Int) {
    val pixels = ByteArray(elements("a mask", height, width))

    operator fun get(y: Int, x: Int): Int = pixels[y * width + x].toInt() and 0xFF
}
