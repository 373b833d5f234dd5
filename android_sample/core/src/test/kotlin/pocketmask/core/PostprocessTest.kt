package pocketmask.core

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Test

private val coin = Contract(2, 2, 1, listOf("coin"))
private val street = Contract(1, 2, 1, listOf("sky", "road", "tree"))

class PostprocessTest {
    @Test
    fun `foreground is above the threshold, not at it`() {
        val logits = Logits.planar(floatArrayOf(0.5f, Math.nextUp(0.5f), 0.25f, 9f), 1, 2, 2)

        assertArrayEquals(byteArrayOf(0, 1, 0, 1), postprocess(logits, coin.copy(threshold = 0.5), 2, 2).pixels)
    }

    @Test
    fun `of equal channels the first is taken`() {
        val logits = Logits.interleaved(floatArrayOf(1f, 2f, 2f, -1f, -1f, -1f), 3, 1, 2)

        assertArrayEquals(byteArrayOf(1, 0), postprocess(logits, street, 1, 2).pixels)
    }

    @Test
    fun `classes beyond 127 are kept apart`() {
        val many = Contract(1, 1, 1, List(256) { "class $it" })
        val logits = Logits.planar(FloatArray(256) { if (it == 200) 1f else 0f }, 256, 1, 1)

        assertEquals(200, postprocess(logits, many, 1, 1)[0, 0])
    }

    @Test
    fun `a mask that is given again keeps nothing of the last frame`() {
        val mask = Mask(1, 2)
        val noise = Logits.planar(FloatArray(6) { 5f - it }, 3, 1, 2)
        postprocess(Logits.planar(floatArrayOf(0f, 0f, 0f, 0f, 1f, 1f), 3, 1, 2), street, mask)

        assertSame(mask, postprocess(noise, street, mask))

        assertArrayEquals(postprocess(noise, street, 1, 2).pixels, mask.pixels)
    }

    @Test
    fun `logits that are not finite are refused, with the place`() {
        for (bad in listOf(Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY)) {
            val logits = Logits.planar(floatArrayOf(0f, 1f, bad, 3f), 1, 2, 2)

            assertRefused("found $bad", "value 2 of 4") { postprocess(logits, coin, 8, 8) }
        }
    }

    @Test
    fun `logits of another shape are refused with both shapes`() {
        val logits = Logits.planar(FloatArray(6), 1, 2, 3)

        assertRefused("[1, 2, 3]", "[1, 2, 2]") { postprocess(logits, coin, 8, 8) }
        assertRefused("[1, 2, 3]", "[3, 1, 2]") { postprocess(logits, street, 8, 8) }
    }

    @Test
    fun `a mask without pixels is refused`() {
        assertRefused("0 × 8", "nothing in it") { postprocess(Logits.planar(FloatArray(4), 1, 2, 2), coin, 0, 8) }
        assertRefused("8 × -1") { Mask(8, -1) }
    }
}
