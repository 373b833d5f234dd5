package pocketmask.app

import android.content.ContentResolver
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.media.ExifInterface
import android.net.Uri
import java.io.IOException
import java.io.InputStream
import pocketmask.core.BadInput
import pocketmask.core.Photo

/** Pixels of a photo that are kept, at most: one of 4000 × 3000 fits. Larger ones are halved while they are decoded. */
private const val MOST = 12_000_000L

/** Of either side, at most: what every phone's GPU can still show as one picture. */
private const val LONGEST_SIDE = 4096

/**
 * A picked photo, upright by its EXIF orientation.
 *
 * @throws BadInput not an image that Android can decode.
 * @throws IOException the document cannot be read.
 */
fun readPhoto(documents: ContentResolver, uri: Uri): Photo {
    // Read three times, since not every provider can be rewound.
    val options = BitmapFactory.Options().apply { inJustDecodeBounds = true }
    documents.opened(uri) { BitmapFactory.decodeStream(it, null, options) }
    val (rows, columns) = options.outHeight to options.outWidth
    if (rows < 1 || columns < 1) throw BadInput("the photo is $rows × $columns, expected an image that Android can decode, such as a JPEG")
    options.inJustDecodeBounds = false
    options.inPreferredConfig = Bitmap.Config.ARGB_8888
    options.inSampleSize = sampling(rows, columns)
    val bitmap = documents.opened(uri) { BitmapFactory.decodeStream(it, null, options) }
        ?: throw BadInput("the photo of $rows × $columns cannot be decoded; is it whole?")
    val orientation = documents.opened(uri) { exifOrientation(it) }
    val (height, width) = bitmap.height to bitmap.width
    if (height < 1 || width < 1) throw BadInput("the photo has $height × $width pixels, expected 1 or more")
    val pixels = IntArray(height * width)
    bitmap.getPixels(pixels, 0, width, 0, 0, width, height)
    bitmap.recycle()
    return Photo.of(pixels, height, width, orientation)
}

/** How many pixels of a row or column become one: a power of two, so that decoders can skip work. */
fun sampling(rows: Int, columns: Int): Int {
    var step = 1
    while (rows.toLong() * columns / (step.toLong() * step) > MOST || maxOf(rows, columns) / step > LONGEST_SIDE) step *= 2
    return step
}

/** EXIF's 1 to 8; 1 where a file says nothing, or nothing sensible. */
private fun exifOrientation(stream: InputStream): Int = try {
    ExifInterface(stream).getAttributeInt(ExifInterface.TAG_ORIENTATION, 1).takeIf { it in 1..8 } ?: 1
} catch (error: IOException) {
    1 // A PNG on older Androids: it has no EXIF to read.
}

private fun <T> ContentResolver.opened(uri: Uri, read: (InputStream) -> T): T =
    (openInputStream(uri) ?: throw IOException("$uri has no content")).use(read)
