// What a .tflite says of itself, read in place. LiteRT's Kotlin API gives neither metadata nor the type of a uint8 tensor,
// and does not verify a model that it opens by path: a cut-off file would take the process down with it.
package pocketmask.app

import java.io.File
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import pocketmask.core.BadInput
import pocketmask.core.Contract

/** Under this name an artefact carries its contract. */
private const val CONTRACT_KEY = "pocketmask.contract"

private const val IDENTIFIER = "TFL3"
private const val FLOAT32 = "float32"
private const val UINT8 = "uint8"

/** By their codes in the schema's TensorType; others are named by number. */
private val TYPES = mapOf(0 to FLOAT32, 1 to "float16", 2 to "int32", 3 to UINT8, 4 to "int64", 7 to "int16", 9 to "int8")

// Numbers of fields, in the order of TFLite's schema.fbs.
private const val MODEL_OPERATOR_CODES = 1
private const val MODEL_SUBGRAPHS = 2
private const val MODEL_BUFFERS = 4
private const val MODEL_METADATA = 6
private const val SUBGRAPH_TENSORS = 0
private const val SUBGRAPH_INPUTS = 1
private const val SUBGRAPH_OUTPUTS = 2
private const val SUBGRAPH_OPERATORS = 3
private const val TENSOR_SHAPE = 0
private const val TENSOR_TYPE = 1
private const val TENSOR_NAME = 3
private const val BUFFER_DATA = 0
private const val METADATA_NAME = 0
private const val METADATA_BUFFER = 1

/**
 * An artefact whose contract and tensors agree.
 *
 * @property takesBytes whether its input is uint8; float32 else.
 */
class ModelFile private constructor(val contract: Contract, val takesBytes: Boolean) {
    companion object {
        /**
         * Reads a file through a memory map.
         *
         * @throws BadInput not a whole TFLite file, no contract in it or one of another schema, or other inputs and outputs.
         * @throws java.io.IOException the file cannot be read.
         */
        fun open(file: File): ModelFile = of(mapped(file))

        /** The same from a file's bytes. */
        fun of(bytes: ByteBuffer): ModelFile {
            val flatbuffer = Flatbuffer(bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN))
            val metadata = flatbuffer.metadata()
            val text = metadata[CONTRACT_KEY] ?: throw BadInput(
                "the model carries no $CONTRACT_KEY, only ${metadata.keys.joinToString().ifEmpty { "no metadata" }}; " +
                    "convert it with `python -m conversion`, which writes one",
            )
            val contract = Contract.fromJson(text)
            val (channels, rows, columns) = contract.logitsShape
            val inputs = flatbuffer.inputs()
            val outputs = flatbuffer.outputs()
            check("input", inputs, "image", listOf(1) + contract.inputShape, listOf(FLOAT32, UINT8))
            check("output", outputs, "logits", listOf(1, rows, columns, channels), listOf(FLOAT32))
            return ModelFile(contract, inputs.single().type == UINT8)
        }

        private fun check(what: String, found: List<Tensor>, name: String, shape: List<Int>, types: List<String>) {
            val tensor = found.singleOrNull()
            if (tensor == null || tensor.name != name || tensor.shape != shape || tensor.type !in types) {
                throw BadInput(
                    "the model has ${what}s ${found.joinToString().ifEmpty { "none" }}; " +
                        "its contract says one: $name ${types.joinToString(" or ")} ${shape.joinToString(" × ")}",
                )
            }
        }
    }
}

/**
 * The bytes of a file where they lie: paged in as they are read, never copied to the heap.
 *
 * @throws BadInput more than any TFLite file can have.
 */
fun mapped(file: File): ByteBuffer = RandomAccessFile(file, "r").use {
    if (it.length() > Int.MAX_VALUE) throw BadInput("not a TFLite file: ${it.length()} bytes, expected at most ${Int.MAX_VALUE}")
    it.channel.map(FileChannel.MapMode.READ_ONLY, 0, it.length())
}

private class Tensor(val name: String, val type: String, val shape: List<Int>) {
    override fun toString() = "$name $type ${shape.joinToString(" × ")}"
}

/** As much of the format (flatbuffers.dev, "Internals") as it takes to find tensors and metadata, with every bound checked. */
private class Flatbuffer(private val bytes: ByteBuffer) {
    private val model: Int

    init {
        val size = bytes.limit()
        if (size < 8 || text(4, 4) != IDENTIFIER) throw BadInput("not a TFLite file: no $IDENTIFIER in its $size bytes")
        model = whole(read { bytes.getInt(0) })
        // A copy cut short still has its head. What a writer made first, it put last: operators or weights.
        tables(model, MODEL_OPERATOR_CODES)
        for (graph in tables(model, MODEL_SUBGRAPHS)) tables(graph, SUBGRAPH_OPERATORS)
        for (buffer in tables(model, MODEL_BUFFERS)) vector(buffer, BUFFER_DATA, 1)
    }

    fun inputs(): List<Tensor> = tensors(SUBGRAPH_INPUTS)

    fun outputs(): List<Tensor> = tensors(SUBGRAPH_OUTPUTS)

    fun metadata(): Map<String, String> {
        val buffers = tables(model, MODEL_BUFFERS)
        return tables(model, MODEL_METADATA).associate { entry ->
            val index = read { field(entry, METADATA_BUFFER)?.let(bytes::getInt) ?: 0 }
            string(entry, METADATA_NAME) to String(bytesOf(buffers.getOrNull(index) ?: damaged()))
        }
    }

    private fun tensors(which: Int): List<Tensor> {
        val graph = tables(model, MODEL_SUBGRAPHS).firstOrNull() ?: throw BadInput("the model has no graph; export it anew")
        val tensors = tables(graph, SUBGRAPH_TENSORS)
        return integers(graph, which).map { index ->
            val tensor = tensors.getOrNull(index) ?: damaged()
            val code = read { field(tensor, TENSOR_TYPE)?.let(bytes::get) ?: 0 }.toInt()
            Tensor(string(tensor, TENSOR_NAME), TYPES[code] ?: "type $code", integers(tensor, TENSOR_SHAPE))
        }
    }

    /** Where a field of a table lies; null where the writer left it out. */
    private fun field(table: Int, number: Int): Int? = read {
        val vtable = table - bytes.getInt(table)
        val entry = 4 + 2 * number
        val offset = if (entry < unsigned(vtable)) unsigned(vtable + entry) else 0
        if (offset == 0) null else table + offset
    }

    private fun unsigned(at: Int): Int = bytes.getShort(at).toInt() and 0xFFFF

    /** First element and length of a vector; none where it was left out. */
    private fun vector(table: Int, number: Int, width: Int): Pair<Int, Int> = read {
        val at = field(table, number) ?: return 0 to 0
        val start = at + bytes.getInt(at)
        val length = bytes.getInt(start)
        if (length < 0 || start + 4L + length.toLong() * width > bytes.limit()) damaged()
        start + 4 to length
    }

    private fun tables(table: Int, number: Int): List<Int> {
        val (start, length) = vector(table, number, 4)
        return List(length) { whole(read { start + 4 * it + bytes.getInt(start + 4 * it) }) }
    }

    /** A table, once all of it is known to be there. */
    private fun whole(table: Int): Int = read {
        val size = unsigned(table - bytes.getInt(table) + 2)
        if (size > bytes.limit() - table) damaged()
        table
    }

    private fun integers(table: Int, number: Int): List<Int> {
        val (start, length) = vector(table, number, 4)
        return List(length) { read { bytes.getInt(start + 4 * it) } }
    }

    private fun string(table: Int, number: Int): String = vector(table, number, 1).let { (start, length) -> text(start, length) }

    private fun bytesOf(buffer: Int): ByteArray {
        val (start, length) = vector(buffer, BUFFER_DATA, 1)
        return copied(start, length)
    }

    private fun text(start: Int, length: Int): String = String(copied(start, length))

    private fun copied(start: Int, length: Int): ByteArray = read { ByteArray(length) { bytes.get(start + it) } }

    private inline fun <T> read(value: () -> T): T = try {
        value()
    } catch (error: IndexOutOfBoundsException) {
        damaged()
    }

    private fun damaged(): Nothing =
        throw BadInput("the model is cut off or damaged: it points beyond its ${bytes.limit()} bytes; copy it again")
}
