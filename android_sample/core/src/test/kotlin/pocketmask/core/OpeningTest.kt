package pocketmask.core

import kotlin.math.abs
import kotlin.random.Random
import org.junit.Assert.assertArrayEquals
import org.junit.Test

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

class OpeningTest {
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
}
