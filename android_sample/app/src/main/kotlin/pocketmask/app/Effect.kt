package pocketmask.app

import pocketmask.core.Contract
import pocketmask.core.Mask
import pocketmask.core.Photo
import pocketmask.core.blurredBackground
import pocketmask.core.cutOut
import pocketmask.core.overlay

/** A photo has no alpha; what is shown of it has. */
private const val OPAQUE = 0xFF shl 24

/** Share of a new frame's logits where frames are smoothed. */
const val SMOOTH = 0.4

/** What is drawn with a mask. A new effect is one more case, and one more line in [draw]. */
enum class Effect { OVERLAY, BLUR, CUT_OUT, PHOTO }

/**
 * What the user has set.
 *
 * @property subject the class that blur and cut-out keep; a binary student has only its foreground.
 * @property smoothing share of a new frame's logits in what is judged; 1 smooths nothing.
 * @property feather pixels over which an edge fades, to either side.
 * @property radius pixels to either side that a blurred background is averaged over, twice.
 */
data class Settings(
    val effect: Effect = Effect.OVERLAY,
    val subject: Int = 1,
    val smoothing: Double = 1.0,
    val feather: Int = 2,
    val radius: Int = 12,
) {
    val isSmooth: Boolean get() = smoothing < 1
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
