package pocketmask.app

import pocketmask.core.Contract
import pocketmask.core.Logits
import pocketmask.core.Mask
import pocketmask.core.Photo
import pocketmask.core.blurredBackground
import pocketmask.core.cutOut
import pocketmask.core.overlay
import pocketmask.core.postprocess
import pocketmask.core.smoothed

/** A photo has no alpha; what is shown of it has. */
private const val OPAQUE = 0xFF shl 24

/** What is drawn with a mask. A new effect is one more case, and one more line in [draw]. */
enum class Effect { OVERLAY, BLUR, CUT_OUT, PHOTO }

/**
 * What the user has set.
 *
 * @property subject the class that blur and cut-out keep; a binary student has only its foreground.
 * @property rate share of a new frame's logits in what is judged; 1 smooths nothing.
 * @property feather pixels over which an edge fades, to either side.
 * @property radius pixels to either side that a blurred background is averaged over, twice.
 */
data class Settings(
    val effect: Effect = Effect.OVERLAY,
    val subject: Int = 1,
    val rate: Double = 1.0,
    val feather: Int = 2,
    val radius: Int = 12,
)

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
        val judged = if (settings.rate < 1) smoothed(before, logits, settings.rate, (before ?: logits).values) else logits
        // Logits that are no numbers are refused below, and must not be drawn into every frame to come.
        previous = null
        val room = mask?.takeIf { it.height == photo.height && it.width == photo.width } ?: Mask(photo.height, photo.width)
        mask = room
        postprocess(judged, contract, room)
        if (settings.rate < 1) previous = judged
        if (pixels.size != room.pixels.size) pixels = IntArray(room.pixels.size)
        draw(photo, room, contract, settings, pixels)
        val done = System.nanoTime()
        return Shown(pixels, photo.height, photo.width, Times(model = (ran - started) / 1e6, whole = (done - started) / 1e6))
    }
}

/** The photo with its mask, as the effect shows it, into [picture]: height × width of packed 0xAARRGGBB. */
fun draw(photo: Photo, mask: Mask, contract: Contract, settings: Settings, picture: IntArray): IntArray = when (settings.effect) {
    Effect.PHOTO -> picture.apply { for (i in indices) this[i] = photo[i / photo.width, i % photo.width] or OPAQUE }
    Effect.OVERLAY -> overlay(photo, mask, contract.classes.size, picture)
    Effect.CUT_OUT -> cutOut(photo, foreground(mask, contract, settings.subject), settings.feather, picture)
    Effect.BLUR -> blurredBackground(photo, foreground(mask, contract, settings.subject), settings.feather, settings.radius, picture)
}

/** 1 where the mask is of that class, 0 elsewhere. */
private fun foreground(mask: Mask, contract: Contract, subject: Int): Mask {
    if (contract.isBinary) return mask
    // For a frame or two the setting may still be of a model with more classes.
    val kept = minOf(subject, contract.classes.size - 1)
    return Mask(mask.height, mask.width).apply {
        for (i in pixels.indices) pixels[i] = if (mask.pixels[i].toInt() and 0xFF == kept) 1 else 0
    }
}
