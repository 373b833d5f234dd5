package pocketmask.app

import pocketmask.core.Contract
import pocketmask.core.Logits
import pocketmask.core.Mask
import pocketmask.core.Photo
import pocketmask.core.postprocess
import pocketmask.core.smoothed

/**
 * A photo with its mask, as the effect shows it.
 *
 * @property pixels height × width of packed 0xAARRGGBB, not premultiplied; the next photo of this size is drawn into them.
 */
class Shown(val pixels: IntArray, val height: Int, val width: Int, val times: Times)

/** From a photo to what the screen shows; keeps logits from frame to frame where they are smoothed. Not for several threads at once. */
class Pipeline(private val segmenter: Segmenter) : AutoCloseable by segmenter {
    val contract: Contract = segmenter.contract

    /** What it runs on, and why not on what was tried before. */
    val unit: String = segmenter.unit
    val refused: String = segmenter.refused

    private var previous: Logits? = null
    private var mask: Mask? = null
    private var pixels = IntArray(0)

    /** Forgets the frames before, as where the picture cuts to another camera. */
    fun forget() {
        previous = null
    }

    /**
     * One frame, or one photo.
     *
     * @throws BadInput logits that are no numbers, or not as many as the contract says.
     * @throws com.google.ai.edge.litert.LiteRtException the model failed.
     */
    fun show(photo: Photo, settings: Settings): Shown {
        val started = System.nanoTime()
        val logits = segmenter.logits(photo)
        val ran = System.nanoTime()
        val before = previous
        val judged = if (settings.isSmooth) smoothed(before, logits, settings.smoothing, (before ?: logits).values) else logits
        // Logits that are no numbers are refused below, and must not be drawn into every frame to come.
        previous = null
        val room = mask?.takeIf { it.height == photo.height && it.width == photo.width } ?: Mask(photo.height, photo.width)
        mask = room
        postprocess(judged, contract, room)
        if (settings.isSmooth) previous = judged
        if (pixels.size != room.pixels.size) pixels = IntArray(room.pixels.size)
        draw(photo, room, contract, settings, pixels)
        val done = System.nanoTime()
        return Shown(pixels, photo.height, photo.width, Times(model = (ran - started) / 1e6, whole = (done - started) / 1e6))
    }
}
