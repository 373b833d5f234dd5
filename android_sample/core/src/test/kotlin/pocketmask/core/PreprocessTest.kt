package pocketmask.core

import kotlin.random.Random
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Test

/** A photo of two rows and three columns that reads "abc", "def" when upright, as each orientation stores it. */
private val STORED = mapOf(
    1 to listOf("abc", "def"),
    2 to listOf("cba", "fed"),
    3 to listOf("fed", "cba"),
    4 to listOf("def", "abc"),
    5 to listOf("ad", "be", "cf"),
    6 to listOf("cf", "be", "ad"),
    7 to listOf("fc", "eb", "da"),
    8 to listOf("da", "eb", "fc"),
)

private val contract = Contract(4, 8, 4, listOf("coin"))

class PreprocessTest {
    @Test
    fun `a photo of every orientation is seen upright`() {
        for ((orientation, rows) in STORED) {
            val pixels = rows.joinToString("").map { it.code }.toIntArray()
            val photo = Photo.of(pixels, rows.size, rows[0].length, orientation)

            assertEquals("orientation $orientation", 2 to 3, photo.height to photo.width)
            val seen = List(2) { y -> String(CharArray(3) { x -> photo[y, x].toChar() }) }
            assertEquals("orientation $orientation", listOf("abc", "def"), seen)
        }
    }

    @Test
    fun `a photo that is turned gives the input of an upright one`() {
        val upright = Photo.of(IntArray(35) { Random(it).nextInt() }, 5, 7)
        // Orientation 6: the first row as stored is the last column when upright.
        val turned = Photo.of(IntArray(35) { upright[it % 5, 6 - it / 5] }, 7, 5, 6)

        assertArrayEquals(preprocess(upright, contract), preprocess(turned, contract))
    }

    @Test
    fun `channels are red, green, blue, whatever the alpha`() {
        val input = preprocess(Photo.of(intArrayOf(0x7F_FE_80_01), 1, 1), contract)

        assertArrayEquals(byteArrayOf(0xFE.toByte(), 0x80.toByte(), 1), input.copyOf(3))
        assertArrayEquals(input, preprocess(Photo.ofRgb(byteArrayOf(0xFE.toByte(), 0x80.toByte(), 1), 1, 1), contract))
    }

    @Test
    fun `floats are the same whole numbers as bytes`() {
        val photo = Photo.of(IntArray(11 * 13) { Random(it).nextInt() }, 11, 13)
        val bytes = preprocess(photo, contract)

        val floats = preprocessFloats(photo, contract)

        assertArrayEquals(FloatArray(bytes.size) { (bytes[it].toInt() and 0xFF).toFloat() }, floats, 0f)
    }

    @Test
    fun `an input that is given is written and returned`() {
        val input = ByteArray(4 * 8 * 3)

        assert(preprocess(Photo.of(intArrayOf(-1), 1, 1), contract, input) === input)
        assertEquals(-1, input.last().toInt())
    }

    @Test
    fun `what is no photo is refused`() {
        assertRefused("0 × 5", "nothing in it") { Photo.of(IntArray(0), 0, 5) }
        assertRefused("5 × 0", "nothing in it") { Photo.of(IntArray(0), 5, 0) }
        assertRefused("-1 × 5") { Photo.of(IntArray(5), -1, 5) }
        assertRefused("found 5 pixels", "expected 6", "2 × 3") { Photo.of(IntArray(5), 2, 3) }
        assertRefused("found 5 bytes", "2 × 1 × 3") { Photo.ofRgb(ByteArray(5), 2, 1) }
        assertRefused("orientation 0", "1 to 8") { Photo.of(IntArray(1), 1, 1, 0) }
        assertRefused("orientation 9", "1 to 8") { Photo.of(IntArray(1), 1, 1, 9) }
    }

    @Test
    fun `an input of another size is refused`() {
        val photo = Photo.of(IntArray(1), 1, 1)

        assertRefused("room for 95 values", "4 × 8 × 3") { preprocess(photo, contract, ByteArray(95)) }
        assertRefused("room for 97 values", "4 × 8 × 3") { preprocessFloats(photo, contract, FloatArray(97)) }
    }
}
