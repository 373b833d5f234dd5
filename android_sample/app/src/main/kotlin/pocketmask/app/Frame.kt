// A frame of the camera, as CameraX hands it over, to the packed pixels and EXIF orientation that `core` reads.
package pocketmask.app

import java.nio.ByteBuffer
import java.nio.ByteOrder
import pocketmask.core.BadInput

/** EXIF's orientations 1, 6, 3, 8: a quarter turn clockwise more each time; and the same, then mirrored left to right. */
private val TURNED = listOf(1, 6, 3, 8)
private val TURNED_AND_MIRRORED = listOf(2, 5, 4, 7)

/**
 * What must be done to show a frame upright, as EXIF counts it.
 *
 * @param degrees clockwise, of CameraX's `rotationDegrees`.
 * @param isMirrored a front camera's frame, which people expect to see as in a mirror.
 * @throws BadInput no multiple of 90.
 */
fun orientation(degrees: Int, isMirrored: Boolean): Int {
    if (degrees % 90 != 0) throw BadInput("a frame is turned by $degrees°, expected a multiple of 90°")
    return (if (isMirrored) TURNED_AND_MIRRORED else TURNED)[Math.floorMod(degrees / 90, 4)]
}

/**
 * Packed 0xAARRGGBB from rows of bytes R, G, B, A.
 *
 * @param bytes plane 0 of a frame in RGBA_8888.
 * @param rowStride bytes from one row to the next: on some phones more than 4 × columns.
 * @param into rows × columns pixels, written.
 * @throws BadInput a frame without pixels, or fewer bytes than its size says.
 */
fun pack(bytes: ByteBuffer, rows: Int, columns: Int, rowStride: Int, into: IntArray) {
    val expected = (rows - 1L) * rowStride + columns * 4L
    if (rows < 1 || columns < 1 || rowStride < 4L * columns || bytes.limit() < expected || into.size != rows * columns) {
        throw BadInput(
            "a frame has ${bytes.limit()} bytes in rows of $rowStride for ${into.size} pixels, " +
                "expected $expected for $rows × $columns × 4",
        )
    }
    // Little-endian, so that a pixel is read as 0xAABBGGRR: red and blue change places.
    val source = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN)
    var at = 0
    for (y in 0 until rows) {
        var from = y * rowStride
        repeat(columns) {
            val pixel = source.getInt(from)
            into[at++] = (pixel and 0xFF00FF00.toInt()) or (pixel and 0xFF shl 16) or (pixel shr 16 and 0xFF)
            from += 4
        }
    }
}
