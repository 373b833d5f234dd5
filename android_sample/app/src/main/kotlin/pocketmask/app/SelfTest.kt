// Holds this phone against what Python recorded: the arithmetic by golden vectors, the model by a photo and its mask.
package pocketmask.app

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64
import kotlin.math.abs
import kotlin.math.log10
import kotlin.math.sqrt
import pocketmask.core.BadInput
import pocketmask.core.Contract
import pocketmask.core.Logits
import pocketmask.core.Mask
import pocketmask.core.Photo
import pocketmask.core.Replay
import pocketmask.core.postprocess
import pocketmask.core.readJson

private const val SCHEMA = 1L

/** Runs that are timed, after one that is not: the first pays for memory that is touched for the first time. */
private const val RUNS = 50

/** Share of a mask's pixels. */
private const val BUDGET = 0.001

/**
 * A photo, and what an artefact made of it on the machine that verified it (docs/golden.md).
 *
 * @property name of the artefact, as in its manifest.
 * @property logits (channels, rows, columns).
 */
class Recorded(val name: String, val contract: Contract, val photo: Photo, val logits: Logits, val mask: Mask)

/**
 * How far a phone's logits and mask are from the recorded ones.
 *
 * @property flips share of the photo's [pixels] whose class changed.
 * @property error the largest difference of a logit.
 * @property psnr decibels of the recorded logits' range over the RMS of all differences; null where there is none.
 */
class Drift private constructor(val flips: Double, val pixels: Int, val error: Double, val psnr: Double?) {
    companion object {
        fun of(reference: Recorded, logits: Logits, mask: Mask): Drift {
            val pixels = mask.pixels
            val flips = pixels.indices.count { pixels[it] != reference.mask.pixels[it] }
            val errors = inOrder(logits).zip(inOrder(reference.logits)) { candidate, recorded -> (candidate - recorded).toDouble() }
            val square = errors.sumOf { it * it } / errors.size
            val range = (reference.logits.values.max() - reference.logits.values.min()).toDouble()
            return Drift(
                flips = flips.toDouble() / pixels.size,
                pixels = pixels.size,
                error = errors.maxOf { abs(it) },
                psnr = if (square > 0 && range > 0) 20 * log10(range / sqrt(square)) else null,
            )
        }
    }
}

/** Where and with what a self-test was run. */
data class Phone(val device: String, val system: String, val runtime: String)

/**
 * What the self-test writes.
 *
 * @property unit what the model ran on.
 * @property milliseconds from photo to mask, run by run; nothing is drawn.
 */
class Report(
    val phone: Phone,
    val unit: String,
    val artefact: Artefact,
    val golden: List<Replay>,
    val drift: Drift,
    val milliseconds: List<Double>,
) {
    /** At most one pixel in a thousand may flip, as for float16 in conversion/gate/budgets.yaml; the golden vectors not one. */
    val holds: Boolean get() = golden.all { it.holds } && drift.flips <= BUDGET

    /** What `python -m conversion bench --import FILE` reads: a JSON object, as docs/golden.md describes it. */
    fun json(): String {
        val replays = golden.map { replay ->
            val failed = replay.failed.joinToString { quoted(it.name) }
            "{\"file\": ${quoted(replay.file)}, \"vectors\": ${replay.vectors}, \"failed\": [$failed]}"
        }
        val entries = listOf(
            "schema" to "$SCHEMA",
            "device" to quoted(phone.device),
            "system" to quoted(phone.system),
            "runtime" to quoted(phone.runtime),
            "unit" to quoted(unit),
            "model" to quoted(artefact.folder),
            "artefact" to quoted(artefact.name),
            "sha256" to quoted(artefact.sha256),
            "golden" to replays.joinToString(", ", "[", "]"),
            "drift" to "{\"flips\": ${drift.flips}, \"pixels\": ${drift.pixels}, " +
                "\"error\": ${drift.error}${drift.psnr?.let { ", \"psnr\": $it" }.orEmpty()}}",
            "ms" to "{\"p50\": ${percentile(milliseconds, 50)}, \"p90\": ${percentile(milliseconds, 90)}, \"runs\": ${milliseconds.size}}",
        )
        return entries.joinToString(",\n", "{\n", "\n}\n") { (key, value) -> " \"$key\": $value" }
    }
}

/**
 * Reads a `self-test.json`.
 *
 * @throws BadInput of another schema, damaged, or a mask that is not of its photo's size.
 */
fun recorded(text: String): List<Recorded> {
    val found = readJson(text) as? Map<*, *> ?: throw BadInput("the self-test holds no JSON object")
    if (found["schema"] != SCHEMA) throw BadInput("the self-test has schema ${found["schema"]}, this app reads $SCHEMA; update the app")
    val vectors = found["vectors"] as? List<*> ?: throw BadInput("the self-test has no list of vectors")
    return vectors.map { vector ->
        val fields = vector as? Map<*, *> ?: throw BadInput("the self-test has a vector that is no object")
        val (rows, columns) = shape(fields, "photo", 3)
        val (height, width) = shape(fields, "mask", 2)
        if (height != rows || width != columns) throw BadInput("the self-test's mask is $height × $width, its photo $rows × $columns")
        val mask = Mask(height, width).also { bytes(fields, "mask", it.pixels.size).get(it.pixels) }
        val photo = ByteArray(rows * columns * 3).also { bytes(fields, "photo", it.size).get(it) }
        val (channels, down, across) = shape(fields, "logits", 3)
        val logits = FloatArray(channels * down * across).also { bytes(fields, "logits", it.size * 4).asFloatBuffer().get(it) }
        Recorded(
            name = fields["name"] as? String ?: throw BadInput("the self-test has a vector without a name"),
            contract = Contract.of(fields["contract"]),
            photo = Photo.ofRgb(photo, rows, columns),
            logits = Logits.planar(logits, channels, down, across),
            mask = mask,
        )
    }
}

/**
 * Runs a model on the recorded photo, and times it.
 *
 * @param golden what came of the golden vectors.
 * @param unit what the model runs on.
 * @param run photo to logits.
 * @throws BadInput other shapes than recorded, or logits that are no numbers.
 */
fun selfTest(
    artefact: Artefact,
    recorded: Recorded,
    golden: List<Replay>,
    phone: Phone,
    unit: String,
    run: (Photo) -> Logits,
): Report {
    val logits = run(recorded.photo)
    val (found, expected) = shape(logits) to shape(recorded.logits)
    if (found != expected) throw BadInput("the model gave logits of shape $found, recorded are $expected; run `make apps` again")
    val mask = Mask(recorded.mask.height, recorded.mask.width)
    postprocess(logits, recorded.contract, mask)
    val drift = Drift.of(recorded, logits, mask)
    val milliseconds = List(RUNS) {
        val started = System.nanoTime()
        postprocess(run(recorded.photo), recorded.contract, mask)
        (System.nanoTime() - started) / 1e6
    }
    return Report(phone, unit, artefact, golden, drift, milliseconds)
}

private fun shape(logits: Logits): List<Int> = listOf(logits.channels, logits.rows, logits.columns)

/** Channel by channel, whichever order the runtime left them in. */
private fun inOrder(logits: Logits): List<Float> = List(logits.values.size) {
    val pixel = it % (logits.rows * logits.columns)
    logits[it / (logits.rows * logits.columns), pixel / logits.columns, pixel % logits.columns]
}

/** As a JSON string: what RFC 8259 says must be escaped, and no more. */
private fun quoted(text: String): String = text.map {
    when {
        it == '"' || it == '\\' -> "\\$it"
        it < ' ' -> "\\u%04x".format(it.code)
        else -> "$it"
    }
}.joinToString("", "\"", "\"")

private fun shape(vector: Map<*, *>, key: String, rank: Int): List<Int> {
    val sizes = (vector[key] as? Map<*, *>)?.get("shape") as? List<*>
    val shape = sizes?.mapNotNull { (it as? Long)?.takeIf { size -> size in 1..MAX_SIDE }?.toInt() }
    if (shape == null || shape.size != rank || sizes.size != rank) throw BadInput("the self-test's $key has shape $sizes, expected $rank sizes")
    return shape
}

private fun bytes(vector: Map<*, *>, key: String, expected: Int): ByteBuffer {
    val data = (vector[key] as? Map<*, *>)?.get("data") as? String ?: throw BadInput("the self-test's $key has no data")
    val found = try {
        Base64.getDecoder().decode(data)
    } catch (error: IllegalArgumentException) {
        throw BadInput("the self-test's $key is not base64: ${error.message}")
    }
    if (found.size != expected) throw BadInput("the self-test's $key has ${found.size} bytes, its shape says $expected")
    return ByteBuffer.wrap(found).order(ByteOrder.LITTLE_ENDIAN)
}

private const val MAX_SIDE = 8192L
