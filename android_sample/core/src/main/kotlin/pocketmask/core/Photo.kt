package pocketmask.core

/**
 * A photo as it lies in memory, seen upright.
 *
 * Upright pixel (y, x) is `pixels[origin + y * rowStride + x * columnStride]`: turning and mirroring cost nothing.
 *
 * @property height rows when upright.
 * @property width columns when upright.
 */
class Photo private constructor(
    val pixels: IntArray,
    val height: Int,
    val width: Int,
    internal val origin: Int,
    internal val rowStride: Int,
    internal val columnStride: Int,
) {
    /** The packed pixel at upright row [y] and column [x]. */
    operator fun get(y: Int, x: Int): Int = pixels[origin + y * rowStride + x * columnStride]

    companion object {
        /**
         * @param pixels packed 0xAARRGGBB, as Android's `Bitmap.getPixels` gives them; alpha is not looked at. Held, not copied.
         * @param rows of the photo as stored.
         * @param columns of the photo as stored.
         * @param orientation EXIF's, 1 to 8 (EXIF 2.32, table 6): what must be done to show the photo upright.
         * @throws BadInput no pixels, fewer pixels than rows × columns, or another orientation.
         */
        fun of(pixels: IntArray, rows: Int, columns: Int, orientation: Int = 1): Photo {
            val count = elements("a photo", rows, columns)
            if (pixels.size < count) throw BadInput("found ${pixels.size} pixels, expected $count: $rows × $columns")
            val lastRow = (rows - 1) * columns
            val lastColumn = columns - 1
            return when (orientation) {
                1 -> Photo(pixels, rows, columns, 0, columns, 1)
                2 -> Photo(pixels, rows, columns, lastColumn, columns, -1) // mirrored
                3 -> Photo(pixels, rows, columns, lastRow + lastColumn, -columns, -1) // turned by 180°
                4 -> Photo(pixels, rows, columns, lastRow, -columns, 1) // upside down, mirrored
                5 -> Photo(pixels, columns, rows, 0, 1, columns) // transposed
                6 -> Photo(pixels, columns, rows, lastRow, 1, -columns) // to be turned clockwise
                7 -> Photo(pixels, columns, rows, lastRow + lastColumn, -1, -columns) // transposed the other way
                8 -> Photo(pixels, columns, rows, lastColumn, -1, columns) // to be turned anticlockwise
                else -> throw BadInput("orientation $orientation is unknown; expected EXIF's 1 to 8")
            }
        }

        /** The same from (rows, columns, 3) uint8 RGB, which is copied. */
        fun ofRgb(rgb: ByteArray, rows: Int, columns: Int, orientation: Int = 1): Photo {
            val count = elements("a photo", rows, columns, 3) / 3
            if (rgb.size != count * 3) throw BadInput("found ${rgb.size} bytes, expected $rows × $columns × 3")
            fun byte(at: Int) = rgb[at].toInt() and 0xFF
            val pixels = IntArray(count) { byte(3 * it) shl 16 or (byte(3 * it + 1) shl 8) or byte(3 * it + 2) }
            return of(pixels, rows, columns, orientation)
        }
    }
}
