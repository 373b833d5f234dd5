package pocketmask.app

import pocketmask.core.Mask
import pocketmask.core.Photo

/**
 * A photo with its mask, as the effect shows it.
 *
 * @property pixels height × width of packed 0xAARRGGBB, not premultiplied; the next photo of this size is drawn into them.
 * @property unit what the model ran on.
 */
class Shown(val pixels: IntArray, val height: Int, val width: Int, val unit: String, val times: Times)

/** From a photo to what the screen shows. Not for several threads at once. */
class Pipeline : AutoCloseable {
    private var segmenter: Segmenter? = null
    private var mask: Mask? = null
    private var pixels = IntArray(0)

    /** In place of the one before, which is closed. */
    fun use(segmenter: Segmenter) {
        close()
        this.segmenter = segmenter
    }

    /** Smooth the next photo by none before it: it shows something else. */
    fun forget() {
        segmenter?.forget()
    }

    /**
     * One frame, or one photo; null where there is no model yet.
     *
     * @throws BadInput logits that are no numbers, or not as many as the contract says.
     * @throws com.google.ai.edge.litert.LiteRtException the model failed.
     */
    fun show(photo: Photo, settings: Settings): Shown? {
        val segmenter = segmenter ?: return null
        val started = System.nanoTime()
        val room = mask?.takeIf { it.height == photo.height && it.width == photo.width } ?: Mask(photo.height, photo.width)
        mask = room
        val model = segmenter.segment(photo, settings.smoothing, room)
        if (pixels.size != room.pixels.size) pixels = IntArray(room.pixels.size)
        draw(photo, room, segmenter.contract, settings, pixels)
        val times = Times(model = model, whole = (System.nanoTime() - started) / 1e6)
        return Shown(pixels, photo.height, photo.width, segmenter.unit, times)
    }

    override fun close() {
        segmenter?.close()
        segmenter = null
    }
}
