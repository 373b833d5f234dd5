// What needs no phone, from a command line: how the project's tests hold it against Python, on a plain JVM.
package pocketmask.app

import java.io.File
import java.nio.ByteBuffer
import kotlin.system.exitProcess
import pocketmask.core.BadInput
import pocketmask.core.Logits
import pocketmask.core.Photo
import pocketmask.core.goldenFiles
import pocketmask.core.replay

fun main(arguments: Array<String>) {
    try {
        arguments.drop(1).let { rest ->
            when (arguments[0]) {
                "model" -> println(model(File(rest[0]), rest.getOrNull(1)))
                "self-test" -> print(selfTest(File(rest[0]), rest[1], rest[2].toFloat()))
                "frame" -> println(frame(File(rest[0]), rest[1].toInt(), rest[2].toInt(), rest[3].toInt(), rest[4].toInt(), rest[5] == "front"))
                "sampling" -> println(sampling(rest[0].toInt(), rest[1].toInt()))
                "percentile" -> println(percentile(rest.drop(1).map { it.toDouble() }, rest[0].toInt()))
                else -> throw BadInput("unknown command ${arguments[0]}")
            }
        }
    } catch (error: BadInput) {
        System.err.println(error.message)
        exitProcess(2)
    }
}

/** What the app makes of a .tflite, and of its digest if one is given. */
private fun model(file: File, sha256: String?): String {
    if (sha256 != null) checkDigest(file.name, mapped(file), sha256)
    val read = ModelFile.open(file)
    return "${read.contract} ${if (read.takesBytes) "uint8" else "float32"}"
}

/** The report of a model that gives the recorded logits, as TFLite orders them, each larger by [shift]. */
private fun selfTest(folder: File, name: String, shift: Float): String {
    val recorded = recorded(File(folder, "self-test.json").readText()).first { it.name == name }
    val artefact = artefacts(folder.name, File(folder, "manifest.json").readText()).first { it.name == name }
    val golden = goldenFiles.map { replay(it, File(folder.parentFile, "golden/$it.json").readText()) }
    return selfTest(artefact, recorded, golden, Phone("a \"JVM\"", "Java", "none"), "JVM") {
        val logits = recorded.logits
        val (channels, columns) = logits.channels to logits.columns
        val values = FloatArray(logits.values.size) {
            logits[it % channels, it / channels / columns, it / channels % columns] + shift
        }
        Logits.interleaved(values, channels, logits.rows, columns)
    }.json()
}

/** A frame's bytes to its upright pixels, as hexadecimal RGB, row by row. */
private fun frame(file: File, rows: Int, columns: Int, rowStride: Int, degrees: Int, isFront: Boolean): String {
    val pixels = IntArray(rows * columns)
    pack(ByteBuffer.wrap(file.readBytes()), rows, columns, rowStride, pixels)
    val photo = Photo.of(pixels, rows, columns, orientation(degrees, isFront))
    return List(photo.height) { y -> List(photo.width) { x -> "%06x".format(photo[y, x] and 0xFFFFFF) }.joinToString(" ") }.joinToString("\n")
}
