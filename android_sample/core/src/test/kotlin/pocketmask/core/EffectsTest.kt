package pocketmask.core

import kotlin.random.Random
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Test

private val photo = Photo.of(IntArray(12) { Random(it).nextInt() }, 3, 4)

private fun mask(vararg pixels: Byte) = Mask(3, 4).also { pixels.copyInto(it.pixels) }

private fun logits(vararg values: Float) = Logits.interleaved(values, 2, 1, values.size / 2)

/** The vectors hold the arithmetic; this holds what they cannot: photos that are turned, refusals, arrays given again. */
class EffectsTest {
    @Test
    fun `a turned photo is drawn upright`() {
        val turned = Photo.of(IntArray(12) { photo[it % 3, 3 - it / 3] }, 4, 3, 6)
        val mask = mask(0, 0, 1, 1, 0, 1, 1, 1)

        assertArrayEquals(overlay(photo, mask, 1), overlay(turned, mask, 1))
        assertArrayEquals(cutOut(photo, mask, 1), cutOut(turned, mask, 1))
        assertArrayEquals(blurredBackground(photo, mask, 1, 2), blurredBackground(turned, mask, 1, 2))
    }

    @Test
    fun `only a cut-out can be seen through`() {
        val mask = mask(0, 0, 1, 1, 0, 1, 1, 1)
        val opaque = overlay(photo, mask, 1) + blurredBackground(photo, mask, 1, 2)

        assertEquals(setOf(255), opaque.map { it ushr 24 }.toSet())
        assertEquals(mask.pixels.map { it * 255 }, cutOut(photo, mask, 0).map { it ushr 24 })
    }

    @Test
    fun `a picture that is given is written and returned`() {
        val picture = IntArray(12)

        assertSame(picture, overlay(photo, mask(1), 1, picture))
        assertArrayEquals(overlay(photo, mask(1), 1), picture)
    }

    @Test
    fun `the farthest radius there is takes in all`() {
        assertArrayEquals(alpha(mask(1, 1, 1), 4), alpha(mask(1, 1, 1), Int.MAX_VALUE))
    }

    @Test
    fun `logits are smoothed in place, and not at all on the first frame`() {
        val first = logits(0f, 8f)

        assertSame(first, smoothed(null, first, 0.25))
        val second = smoothed(first, logits(4f, 0f), 0.25, first.values)
        assertArrayEquals(floatArrayOf(1f, 6f), second.values, 0f)
        assertSame(first.values, second.values)
        assertEquals(6f, second[1, 0, 0], 0f)
    }

    @Test
    fun `other sizes and knobs are refused with both sizes`() {
        assertRefused("4 × 3", "3 × 4") { overlay(photo, Mask(4, 3), 1) }
        assertRefused("11 pixels", "3 × 4") { cutOut(photo, mask(), 0, IntArray(11)) }
        assertRefused("background has 11", "3 × 4") { composed(photo, IntArray(11), ByteArray(12)) }
        assertRefused("radius -1") { alpha(mask(), -1) }
        assertRefused("rate 0.0", "above 0") { smoothed(null, logits(0f, 0f), 0.0) }
        assertRefused("rate NaN") { smoothed(null, logits(0f, 0f), Double.NaN) }
        assertRefused("[2, 1, 1]", "[2, 1, 2]") { smoothed(logits(0f, 0f, 0f, 0f), logits(0f, 0f), 0.5) }
    }
}
