// The same arithmetic from a command line: how the project holds it against Python, and times it.
package pocketmask.core

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.system.exitProcess

private const val USAGE = """usage:
  mask CONTRACT LOGITS planar|interleaved HEIGHT WIDTH MASK   raw float32 logits to a raw uint8 mask of HEIGHT × WIDTH
  input CONTRACT PHOTO ROWS COLUMNS ORIENTATION INPUT         raw uint8 RGB, as stored, to the raw uint8 RGB input
  golden FOLDER                                               replay every golden vector; exits with 4 where one differs
  bench                                                       milliseconds of each step
CONTRACT is a JSON file, numbers in files are little-endian."""

private const val BAD_INPUT = 2
private const val PARITY_BREACHED = 4

fun main(arguments: Array<String>) {
    exitProcess(
        try {
            run(arguments.toList())
        } catch (error: BadInput) {
            System.err.println(error.message)
            BAD_INPUT
        } catch (error: java.io.IOException) {
            System.err.println(error.message)
            BAD_INPUT
        },
    )
}

private fun run(arguments: List<String>): Int {
    val rest = arguments.drop(1)
    when (arguments.firstOrNull() to rest.size) {
        "mask" to 6 -> mask(rest)
        "input" to 6 -> input(rest)
        "golden" to 1 -> return golden(File(rest[0]))
        "bench" to 0 -> bench()
        else -> throw BadInput(USAGE)
    }
    return 0
}

private fun mask(arguments: List<String>) {
    val (contractFile, logitsFile, layout, height, width) = arguments
    val contract = Contract.fromJson(File(contractFile).readText())
    val (channels, rows, columns) = contract.logitsShape
    val floats = ByteBuffer.wrap(File(logitsFile).readBytes()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
    val values = FloatArray(floats.remaining()).also { floats.get(it) }
    val logits = when (layout) {
        "planar" -> Logits.planar(values, channels, rows, columns)
        "interleaved" -> Logits.interleaved(values, channels, rows, columns)
        else -> throw BadInput("layout $layout is unknown; expected planar or interleaved")
    }
    File(arguments[5]).writeBytes(postprocess(logits, contract, whole(height), whole(width)).pixels)
}

private fun input(arguments: List<String>) {
    val (contractFile, photoFile, rows, columns, orientation) = arguments
    val contract = Contract.fromJson(File(contractFile).readText())
    val photo = Photo.ofRgb(File(photoFile).readBytes(), whole(rows), whole(columns), whole(orientation))
    File(arguments[5]).writeBytes(preprocess(photo, contract))
}

private fun whole(text: String): Int = text.toIntOrNull() ?: throw BadInput("'$text' is no whole number\n$USAGE")

private fun golden(folder: File): Int {
    val files = folder.listFiles { file -> file.extension == "json" }.orEmpty().sorted()
    val missing = goldenFiles - files.map { it.nameWithoutExtension }.toSet()
    if (missing.isNotEmpty()) throw BadInput("$folder lacks ${missing.joinToString { "$it.json" }}; write them with `make golden`")
    val replays = files.map { replay(it.nameWithoutExtension, it.readText()) }
    for (replay in replays) {
        for (one in replay.failed) println("${replay.file}, ${one.name}: ${one.differing} of ${one.size} differ, by at most ${one.worst}")
    }
    val count = replays.sumOf { it.vectors }
    println("${count - replays.sumOf { it.failed.size }} of $count golden vectors are identical")
    return if (replays.all { it.holds }) 0 else PARITY_BREACHED
}
