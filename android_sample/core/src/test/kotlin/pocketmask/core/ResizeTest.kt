package pocketmask.core

import kotlin.random.Random
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Test

class ResizeTest {
    @Test
    fun `centres of pixels are at their halves`() {
        val twice = bilinear(Logits.planar(floatArrayOf(0f, 4f), 1, 1, 2), 1, 4)

        assertArrayEquals(floatArrayOf(0f, 1f, 3f, 4f), twice.values, 0f)
    }

    @Test
    fun `a constant stays that constant, to the bit`() {
        for ((height, width) in listOf(1 to 1, 3 to 7, 31 to 2, 64 to 65)) {
            val resized = bilinear(Logits.planar(FloatArray(15) { 0.1f }, 1, 3, 5), height, width)

            assertArrayEquals(FloatArray(height * width) { 0.1f }, resized.values, 0f)
        }
    }

    @Test
    fun `to the same size nothing changes`() {
        val values = FloatArray(2 * 3 * 5) { Random(1).nextFloat() * it }

        assertArrayEquals(values, bilinear(Logits.planar(values, 2, 3, 5), 3, 5).values, 0f)
    }

    @Test
    fun `both orders of logits hold the same`() {
        val planar = Logits.planar(FloatArray(24) { it.toFloat() }, 2, 3, 4)
        val interleaved = Logits.interleaved(FloatArray(24) { planar[it % 2, it / 8, it / 2 % 4] }, 2, 3, 4)

        assertEquals(planar[1, 2, 3], interleaved[1, 2, 3], 0f)
        assertArrayEquals(bilinear(planar, 7, 5).values, bilinear(interleaved, 7, 5).values, 0f)
    }

    @Test
    fun `logits without values, or of another size, are refused`() {
        assertRefused("found 5 values", "expected 6", "2 × 3") { Logits.planar(FloatArray(5), 1, 2, 3) }
        assertRefused("0 × 2 × 3", "nothing in it") { Logits.interleaved(FloatArray(0), 0, 2, 3) }
        assertRefused("1 × 0 × 4", "nothing in it") { bilinear(Logits.planar(FloatArray(1), 1, 1, 1), 0, 4) }
        assertRefused("larger than any array") { bilinear(Logits.planar(FloatArray(1), 1, 1, 1), 100_000, 100_000) }
    }
}
