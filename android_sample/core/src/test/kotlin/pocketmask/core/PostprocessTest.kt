package pocketmask.core

import kotlin.math.abs
import kotlin.random.Random
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Test

private val coin = Contract(2, 2, 1, listOf("coin"))
private val street = Contract(1, 2, 1, listOf("sky", "road", "tree"))

/** As docs/golden.md says it, pixel by pixel. */
private fun openedSlowly(mask: Mask, side: Int): ByteArray {
    val spans = ellipse(side)
    fun decided(pixels: ByteArray, decide: (List<Byte>) -> Boolean) = ByteArray(pixels.size) { at ->
        val under = spans.indices.flatMap { row ->
            val y = at / mask.width + row - side / 2
            (-spans[row]..spans[row]).map { at % mask.width + it }
                .filter { x -> y in 0 until mask.height && x in 0 until mask.width }
                .map { x -> pixels[y * mask.width + x] }
        }
        if (decide(under)) 1 else 0
    }
    val eroded = decided(mask.pixels) { under -> under.all { it == 1.toByte() } }
    return decided(eroded) { under -> under.any { it == 1.toByte() } }
}

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
    fun `opening 64 pixels at once agrees with one pixel at a time`() {
        val random = Random(7)
        for (width in listOf(1, 2, 5, 63, 64, 65, 127, 128, 129, 200)) {
            for (side in listOf(1, 3, 5, 7, 9, 15, 31)) {
                val mask = Mask(if (width == 1) 40 else random.nextInt(1, 24), width)
                val foreground = listOf(0.5, 0.9, 0.99)[random.nextInt(3)]
                for (at in mask.pixels.indices) mask.pixels[at] = if (random.nextDouble() < foreground) 1 else 0
                val expected = openedSlowly(mask, side)

                assertArrayEquals("${mask.height} × $width, open $side", expected, opened(mask, side).pixels)
            }
        }
    }

    @Test
    fun `rows of an ellipse are those of the page`() {
        assertArrayEquals(intArrayOf(0, 1, 0), ellipse(3))
        assertArrayEquals(intArrayOf(0, 2, 2, 2, 0), ellipse(5))
        assertArrayEquals(intArrayOf(0, 2, 3, 3, 3, 2, 0), ellipse(7))
        assertRefused("side 4", "odd") { ellipse(4) }
        for (side in 1..99 step 2) assert(ellipse(side).all { abs(it) <= side / 2 })
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
