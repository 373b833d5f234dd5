package pocketmask.app

import java.nio.ByteBuffer
import java.security.MessageDigest
import pocketmask.core.BadInput
import pocketmask.core.readJson

private const val MANIFEST_SCHEMA = 1L

/**
 * An artefact that `make apps` put into the app.
 *
 * @property name under which manifest and self-test know it, such as `tflite-fp16`.
 * @property folder of its run, among the assets.
 * @property file beside its manifest.
 * @property sha256 of that file.
 * @property gate what the parity check last said of it: `passed`, unless it was given out by force.
 */
data class Artefact(val name: String, val folder: String, val file: String, val sha256: String, val gate: String)

/**
 * The TFLite artefacts that the manifest of a run lists.
 *
 * @throws BadInput not a manifest, or of another schema.
 */
fun artefacts(folder: String, manifest: String): List<Artefact> {
    val found = readJson(manifest) as? Map<*, *> ?: throw BadInput("$folder/manifest.json holds no JSON object")
    if (found["schema"] != MANIFEST_SCHEMA) {
        throw BadInput("$folder/manifest.json has schema ${found["schema"]}, this app reads $MANIFEST_SCHEMA; update the app")
    }
    val artefacts = found["artefacts"] as? Map<*, *> ?: throw BadInput("$folder/manifest.json lists no artefacts")
    return artefacts.map { (name, fields) -> name as String to Entry("$folder/manifest.json", fields) }
        .filter { (_, entry) -> entry["target"] == "tflite" }
        .map { (name, entry) -> Artefact(name, folder, entry["file"], entry["sha256"], entry["gate"]) }
}

/** sha256 in lower-case hexadecimal, as in `manifest.json`. */
fun digest(bytes: ByteBuffer): String {
    val sum = MessageDigest.getInstance("SHA-256").apply { update(bytes.duplicate()) }.digest()
    return sum.joinToString("") { "%02x".format(it) }
}

/** @throws BadInput the bytes are not those that the manifest lists. */
fun checkDigest(name: String, bytes: ByteBuffer, expected: String) {
    val found = digest(bytes)
    if (found != expected) {
        throw BadInput("$name has sha256 $found, its manifest says $expected; copy both again with `make apps`")
    }
}

private class Entry(private val where: String, fields: Any?) {
    private val fields = fields as? Map<*, *> ?: throw BadInput("$where has an artefact that is no object")

    operator fun get(key: String): String = fields[key] as? String ?: throw BadInput("$where has an artefact without $key")
}
