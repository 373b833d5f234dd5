// Signatures: github.com/google-ai-edge/LiteRT, litert/kotlin/src/main/kotlin/com/google/ai/edge/litert/
//             Common.kt, Environment.kt, LiteRtException.kt, Model.kt, TensorBuffer.kt
package com.google.ai.edge.litert

enum class Accelerator { NONE, CPU, GPU, NPU }

abstract class JniHandle : AutoCloseable {
    final override fun close(): Unit = TODO()
}

class Environment private constructor() : JniHandle() {
    enum class Option { CompilerPluginLibraryDir, DispatchLibraryDir }

    companion object {
        @Throws(LiteRtException::class)
        @JvmOverloads
        @JvmStatic
        fun create(options: Map<Option, String> = mapOf()): Environment = TODO("$options")
    }
}

class LiteRtException(message: String) : Exception(message)

class CompiledModel private constructor() : JniHandle() {
    data class CpuOptions(
        val numThreads: Int? = null,
        val xnnPackFlags: Int? = null,
        val xnnPackWeightCachePath: String? = null,
    )

    class Options(vararg val accelerators: Accelerator) {
        var cpuOptions: CpuOptions? = null
    }

    @Throws(LiteRtException::class)
    fun createInputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = TODO("$signatureIndex")

    @Throws(LiteRtException::class)
    fun createOutputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = TODO("$signatureIndex")

    @Throws(LiteRtException::class)
    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>, signatureIndex: Int = 0): Unit =
        TODO("$inputs $outputs $signatureIndex")

    companion object {
        @Throws(LiteRtException::class)
        @JvmOverloads
        @JvmStatic
        fun create(filePath: String, options: Options = Options(Accelerator.CPU), optionalEnv: Environment? = null): CompiledModel =
            TODO("$filePath $options $optionalEnv")
    }
}

class TensorBuffer internal constructor() : JniHandle() {
    @Throws(LiteRtException::class)
    fun writeFloat(data: FloatArray): Unit = TODO("$data")

    @Throws(LiteRtException::class)
    fun writeInt8(data: ByteArray): Unit = TODO("$data")

    @Throws(LiteRtException::class)
    fun readFloat(): FloatArray = TODO()
}
