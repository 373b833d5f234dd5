// Replays the golden vectors, whose files and arithmetic docs/golden.md describes: in tests, and on the phone itself.
package pocketmask.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64
import kotlin.math.abs

private const val GOLDEN_SCHEMA = 1L

/**
 * What one golden file found.
 *
 * @property file its name without `.json`.
 * @property vectors how many it has.
 * @property failed those that this device computes otherwise.
 */
data class Replay(val file: String, val vectors: Int, val failed: List<Difference>) {
    /** Whether all are identical, to the bit. */
    val holds: Boolean get() = failed.isEmpty()

    /**
     * What came of one vector.
     *
     * @property differing elements that are not what Python recorded, of [size].
     * @property worst the largest absolute difference.
     */
    data class Difference(val name: String, val differing: Int, val size: Int, val worst: Float)
}

/** The files that [replay] can read, without `.json`. */
val goldenFiles: Set<String> get() = VECTORS.keys

/**
 * Every vector of one golden file; all must agree to the bit.
 *
 * @param file its name without `.json`, one of [goldenFiles].
 * @param text what is in it.
 * @throws BadInput an unknown file or schema, a damaged vector, or none at all.
 */
fun replay(file: String, text: String): Replay {
    val one = VECTORS[file] ?: throw BadInput("golden file $file is unknown; expected one of ${goldenFiles.joinToString()}")
    val found = readJson(text) as? Map<*, *> ?: throw BadInput("$file.json must hold a JSON object")
    if (found["schema"] != GOLDEN_SCHEMA) throw BadInput("$file.json has schema ${found["schema"]}, this version expects $GOLDEN_SCHEMA")
    val vectors = found["vectors"] as? List<*> ?: throw BadInput("$file.json has no list of vectors")
    if (vectors.isEmpty()) throw BadInput("$file.json has no vector, so nothing would be checked")
    val differences = vectors.map { vector ->
        val fields = Vector(file, vector as? Map<*, *> ?: throw BadInput("$file.json has a vector that is no object"))
        one(fields).maxBy { it.differing }
    }
    return Replay(file, vectors.size, differences.filter { it.differing > 0 })
}

/** Each result of a vector, in every form that apps have it, against what was recorded. */
private val VECTORS: Map<String, (Vector) -> List<Replay.Difference>> = mapOf(
    "resize" to ::resizeDifferences,
    "preprocess" to ::preprocessDifferences,
    "postprocess" to ::postprocessDifferences,
    "overlay" to { it.drawn { photo -> overlay(photo, it.mask("mask"), it.whole("classes")) } },
    "cut_out" to { it.drawn { photo -> cutOut(photo, it.mask("foreground"), it.whole("feather")) } },
    "background" to {
        it.drawn { photo -> blurredBackground(photo, it.mask("foreground"), it.whole("feather"), it.whole("radius")) }
    },
    "smooth" to ::smoothDifferences,
)

private fun resizeDifferences(vector: Vector): List<Replay.Difference> {
    val values = vector.tensor("values")
    val expected = vector.tensor("resized")
    val (height, width, channels) = expected.shape
    val interleaved = Logits.interleaved(values.floats(), channels, values.shape[0], values.shape[1])
    val resized = bilinear(interleaved, height, width)
    val found = FloatArray(resized.values.size) { resized[it % channels, it / channels / width, it / channels % width] }
    return listOf(vector.compared(found, expected.floats()))
}

private fun preprocessDifferences(vector: Vector): List<Replay.Difference> {
    val contract = Contract.of(vector["contract"])
    val stored = vector.tensor("photo")
    val expected = vector.tensor("input").bytes()
    val photo = Photo.ofRgb(stored.bytes(), stored.shape[0], stored.shape[1])
    val floats = FloatArray(expected.size) { (expected[it].toInt() and 0xFF).toFloat() }
    return listOf(
        vector.compared(preprocess(photo, contract), expected),
        vector.compared(preprocessFloats(photo, contract), floats),
    )
}

private fun postprocessDifferences(vector: Vector): List<Replay.Difference> {
    val contract = Contract.of(vector["contract"])
    val logits = vector.tensor("logits")
    val mask = vector.tensor("mask")
    val (channels, rows, columns) = logits.shape
    val (height, width) = mask.shape
    val planar = logits.floats()
    val pixels = rows * columns
    val interleaved = FloatArray(planar.size) { planar[it % channels * pixels + it / channels] }
    return listOf(Logits.planar(planar, channels, rows, columns), Logits.interleaved(interleaved, channels, rows, columns))
        .map { vector.compared(postprocess(it, contract, height, width).pixels, mask.bytes()) }
}

private fun smoothDifferences(vector: Vector): List<Replay.Difference> {
    val (previous, logits) = listOf("previous", "logits").map { key ->
        val tensor = vector.tensor(key)
        val (channels, rows, columns) = tensor.shape
        Logits.planar(tensor.floats(), channels, rows, columns)
    }
    val rate = vector["rate"] as? Number ?: throw BadInput("vector '${vector.name}' has rate ${vector["rate"]}, expected a number")
    return listOf(vector.compared(smoothed(previous, logits, rate.toDouble()).values, vector.tensor("smoothed").floats()))
}

private class Vector(private val file: String, private val fields: Map<*, *>) {
    val name = fields["name"] as? String ?: throw BadInput("$file.json has a vector without a name")

    operator fun get(key: String): Any = fields[key] ?: throw BadInput("vector '$name' of $file.json has no $key")

    fun whole(key: String): Int =
        (get(key) as? Long ?: throw BadInput("vector '$name' of $file.json has $key ${get(key)}, expected a whole number")).toInt()

    fun mask(key: String): Mask {
        val stored = tensor(key)
        return Mask(stored.shape[0], stored.shape[1]).also { stored.bytes().copyInto(it.pixels) }
    }

    /** What [draw] makes of the photo, packed, against the recorded picture of three channels, or four with alpha. */
    fun drawn(draw: (Photo) -> IntArray): List<Replay.Difference> {
        val stored = tensor("photo")
        val expected = tensor("picture")
        val channels = expected.shape[2]
        val picture = draw(Photo.ofRgb(stored.bytes(), stored.shape[0], stored.shape[1]))
        val shifts = intArrayOf(16, 8, 0, 24)
        val found = ByteArray(picture.size * channels) { (picture[it / channels] shr shifts[it % channels]).toByte() }
        return listOf(compared(found, expected.bytes()))
    }

    fun tensor(key: String): Tensor = Tensor.of("$key of vector '$name' of $file.json", get(key))

    fun compared(found: FloatArray, expected: FloatArray): Replay.Difference {
        checkSize(found.size, expected.size)
        val differing = found.indices.count { found[it].toRawBits() != expected[it].toRawBits() }
        return Replay.Difference(name, differing, found.size, found.indices.maxOf { abs(found[it] - expected[it]) })
    }

    fun compared(found: ByteArray, expected: ByteArray): Replay.Difference {
        checkSize(found.size, expected.size)
        val differences = found.indices.map { abs((found[it].toInt() and 0xFF) - (expected[it].toInt() and 0xFF)) }
        return Replay.Difference(name, differences.count { it > 0 }, found.size, differences.max().toFloat())
    }

    private fun checkSize(found: Int, expected: Int) {
        if (found != expected) throw BadInput("vector '$name' of $file.json records $expected elements, found $found")
    }
}

private class Tensor(private val what: String, private val type: String, val shape: List<Int>, private val data: ByteBuffer) {
    fun bytes(): ByteArray {
        if (type != "uint8") throw BadInput("$what is $type, expected uint8")
        return ByteArray(data.remaining()).also { data.duplicate().get(it) }
    }

    fun floats(): FloatArray {
        if (type != "float32") throw BadInput("$what is $type, expected float32")
        val floats = data.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
        return FloatArray(floats.remaining()).also { floats.get(it) }
    }

    companion object {
        private val BYTES = mapOf("uint8" to 1, "float32" to 4)

        fun of(what: String, json: Any): Tensor {
            val fields = json as? Map<*, *> ?: throw BadInput("$what is no tensor")
            val type = fields["type"] as? String ?: ""
            val size = BYTES[type] ?: throw BadInput("$what has type ${fields["type"]}, expected ${BYTES.keys.joinToString()}")
            val shape = (fields["shape"] as? List<*>)?.map { (it as? Long)?.toInt() ?: 0 } ?: throw BadInput("$what has no shape")
            val data = try {
                Base64.getDecoder().decode(fields["data"] as? String ?: "")
            } catch (error: IllegalArgumentException) {
                throw BadInput("$what is not base64: ${error.message}")
            }
            val expected = elements(what, *shape.toIntArray()) * size
            if (data.size != expected) throw BadInput("$what has ${data.size} bytes, its shape $shape says $expected")
            return Tensor(what, type, shape, ByteBuffer.wrap(data))
        }
    }
}
