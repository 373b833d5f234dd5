package pocketmask.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test

private fun floats(shape: List<Int>, vararg values: Float): String {
    val bytes = ByteBuffer.allocate(4 * values.size).order(ByteOrder.LITTLE_ENDIAN)
    values.forEach { bytes.putFloat(it) }
    return """{"type": "float32", "shape": $shape, "data": "${Base64.getEncoder().encodeToString(bytes.array())}"}"""
}

private fun file(resized: String) =
    """{"schema": 1, "vectors": [{"name": "twice", "values": ${floats(listOf(1, 2, 1), 0f, 4f)}, "resized": $resized}]}"""

/** The vectors themselves are replayed by parity_tests; this holds what replays them. */
class GoldenTest {
    @Test
    fun `what is recorded and found alike holds`() {
        val replay = replay("resize", file(floats(listOf(1, 4, 1), 0f, 1f, 3f, 4f)))

        assertEquals(Replay("resize", 1, listOf()), replay)
        assertTrue(replay.holds)
    }

    @Test
    fun `the least difference does not hold`() {
        val replay = replay("resize", file(floats(listOf(1, 4, 1), 0f, Math.nextUp(1f), 3f, 4f)))

        assertEquals(listOf(Replay.Difference("twice", 1, 4, Math.ulp(1f))), replay.failed)
        assertFalse(replay.holds)
        assertFalse(replay("resize", file(floats(listOf(1, 4, 1), Float.NaN, 1f, 3f, 4f))).holds)
    }

    @Test
    fun `damaged files are refused, so that nothing passes unseen`() {
        assertRefused("nothing would be checked") { replay("resize", """{"schema": 1, "vectors": []}""") }
        assertRefused("schema 2", "expects 1") { replay("resize", """{"schema": 2, "vectors": []}""") }
        assertRefused("golden file effort is unknown", "resize, preprocess, postprocess") { replay("effort", "{}") }
        assertRefused("16 bytes", "20") { replay("resize", file(floats(listOf(1, 5, 1), 0f, 1f, 3f, 4f))) }
        assertRefused("1 × 0 × 1", "resized of vector 'twice'") { replay("resize", file(floats(listOf(1, 0, 1)))) }
        assertRefused("type int8") { replay("resize", file("""{"type": "int8", "shape": [1], "data": ""}""")) }
        assertRefused("not base64") { replay("resize", file("""{"type": "uint8", "shape": [1], "data": "?"}""")) }
    }
}
