package pocketmask.app

import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import java.io.File
import pocketmask.core.BadInput
import pocketmask.core.Contract
import pocketmask.core.Logits
import pocketmask.core.Mask
import pocketmask.core.Photo
import pocketmask.core.postprocess
import pocketmask.core.preprocess
import pocketmask.core.preprocessFloats
import pocketmask.core.smoothed

/** Of a phone's cores, the fast ones; more threads wait for the slow ones. */
private const val THREADS = 4

/**
 * An artefact, run by LiteRT: an upright photo in, its mask out. Keeps logits from frame to frame where they are smoothed.
 * Not for several threads at once.
 *
 * @property unit what it runs on: GPU or CPU.
 * @property refused why each unit that was tried before could not run it; empty where the first could.
 */
class Segmenter private constructor(
    val contract: Contract,
    val unit: String,
    val refused: String,
    private val model: CompiledModel,
    private val inputs: List<TensorBuffer>,
    private val outputs: List<TensorBuffer>,
    takesBytes: Boolean,
) : AutoCloseable {
    private var previous: Logits? = null
    private val bytes = if (takesBytes) ByteArray(contract.inputShape.reduce(Int::times)) else null
    private val floats = if (takesBytes) FloatArray(0) else FloatArray(contract.inputShape.reduce(Int::times))

    /**
     * The logits of a photo.
     *
     * @throws BadInput the model gave another number of logits than its contract says, with both shapes.
     * @throws LiteRtException the model failed.
     */
    fun logits(photo: Photo): Logits {
        val input = inputs.single()
        // The API has no name for uint8; writeInt8 copies the bytes as they are.
        if (bytes != null) input.writeInt8(preprocess(photo, contract, bytes)) else input.writeFloat(preprocessFloats(photo, contract, floats))
        model.run(inputs, outputs)
        val values = outputs.single().readFloat()
        val (channels, rows, columns) = contract.logitsShape
        if (values.size != channels * rows * columns) {
            throw BadInput("the model gave ${values.size} logits, its contract says 1 × $rows × $columns × $channels; export it anew")
        }
        return Logits.interleaved(values, channels, rows, columns)
    }

    /**
     * The mask of a photo.
     *
     * @param smoothing 1 judges the photo by itself; less draws its logits towards those of the photo before.
     * @param mask of the photo's own size; written.
     * @return milliseconds that the model took: input written, run, logits read.
     * @throws BadInput logits that are no numbers, or not as many as the contract says.
     * @throws LiteRtException the model failed.
     */
    fun segment(photo: Photo, smoothing: Double, mask: Mask): Double {
        val started = System.nanoTime()
        val logits = logits(photo)
        val milliseconds = (System.nanoTime() - started) / 1e6
        val before = previous
        val judged = if (smoothing < 1) smoothed(before, logits, smoothing, (before ?: logits).values) else logits
        // Logits that are no numbers are refused below, and must not be drawn into every frame to come.
        previous = null
        postprocess(judged, contract, mask)
        if (smoothing < 1) previous = judged
        return milliseconds
    }

    /** Smooth the next photo by none before it: it shows something else. */
    fun forget() {
        previous = null
    }

    override fun close() {
        (inputs + outputs).forEach { it.close() }
        model.close()
    }

    companion object {
        /** One for the process: each environment holds a GPU context of its own. */
        private val environment by lazy { Environment.create() }

        /**
         * Opens an artefact by its path, which LiteRT maps into memory, on the first unit that runs it.
         *
         * A unit runs it when it compiles it whole and gives finite logits for a grey photo: some GPU drivers compile what
         * they then compute wrongly. Finer differences are for the self-test to find.
         *
         * @param units in the order to try.
         * @throws BadInput none can run it, with the reason of each; or what [ModelFile.open] refuses.
         */
        fun open(file: File, units: List<Accelerator> = listOf(Accelerator.GPU, Accelerator.CPU)): Segmenter {
            val read = ModelFile.open(file)
            var refused = ""
            for (unit in units) {
                try {
                    return compiled(file, read, unit, refused)
                } catch (error: LiteRtException) {
                    refused += "$unit: ${error.message}. "
                } catch (error: BadInput) {
                    refused += "$unit: ${error.message}. "
                }
            }
            throw BadInput("no unit runs the model. ${refused}Update the app's LiteRT, or export without the operator named")
        }

        private fun compiled(file: File, read: ModelFile, unit: Accelerator, refused: String): Segmenter {
            // One unit at a time, so that what the screen names is what runs.
            val options = CompiledModel.Options(unit)
            if (unit == Accelerator.CPU) options.cpuOptions = CompiledModel.CpuOptions(numThreads = THREADS)
            val model = CompiledModel.create(file.absolutePath, options, environment)
            val segmenter = try {
                Segmenter(read.contract, unit.name, refused, model, model.createInputBuffers(), model.createOutputBuffers(), read.takesBytes)
            } catch (error: LiteRtException) {
                model.close()
                throw error
            }
            try {
                segmenter.check()
            } catch (error: LiteRtException) {
                segmenter.close()
                throw error
            } catch (error: BadInput) {
                segmenter.close()
                throw error
            }
            return segmenter
        }

        private fun Segmenter.check() {
            val logits = logits(Photo.of(intArrayOf(0xFF808080.toInt()), 1, 1)).values
            val bad = logits.firstOrNull { !it.isFinite() }
            if (bad != null) throw BadInput("gave $bad among ${logits.size} logits of a grey photo")
        }
    }
}
