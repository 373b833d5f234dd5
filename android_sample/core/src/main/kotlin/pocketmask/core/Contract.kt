package pocketmask.core

private const val SCHEMA = 1L
private val STRIDES = listOf(1, 2, 4, 8, 16)

/** What every student promises; anything else is refused rather than guessed at. */
private val CONVENTIONS: Map<String, Any> = mapOf(
    "input" to "image",
    "output" to "logits",
    "colour" to "rgb",
    "range" to listOf(0L, 255L),
    "resize" to "stretch-bilinear-half-pixel",
    "upsample" to "bilinear-half-pixel",
)

private val FIELDS = setOf("height", "width", "stride", "classes", "threshold", "open")

/**
 * Everything that a caller must know to run a student: written into every artefact and manifest.
 *
 * @property height rows of the input, in pixels.
 * @property width columns of the input, in pixels.
 * @property stride input pixels per logit along each axis.
 * @property classes one name: a binary student with one channel of logits. More: one channel each, the mask is their argmax.
 * @property threshold binary students: a pixel is foreground where its upsampled logit is above this.
 * @property open binary students: side in pixels of the ellipse that the mask is opened with; 0 or 1 leaves it alone.
 * @throws BadInput what no student can have.
 */
data class Contract(
    val height: Int,
    val width: Int,
    val stride: Int,
    val classes: List<String>,
    val threshold: Double = 0.0,
    val open: Int = 0,
) {
    init {
        if (stride !in STRIDES) throw BadInput("stride $stride is unknown; expected one of ${STRIDES.joinToString()}")
        for ((side, length) in listOf("height" to height, "width" to width)) {
            if (length < stride || length % stride != 0) {
                throw BadInput("$side $length is not a multiple of stride $stride")
            }
        }
        if (classes.isEmpty() || classes.any { it.isEmpty() } || classes.toSet().size != classes.size) {
            throw BadInput("classes $classes must be one or more names, each its own")
        }
        if (open < 0 || (open > 1 && open % 2 == 0)) {
            throw BadInput("open $open must be 0 or odd, so that its ellipse has a centre")
        }
        if (!threshold.isFinite()) throw BadInput("threshold $threshold must be a finite number")
        if (!isBinary && (open > 1 || threshold != 0.0)) {
            throw BadInput("threshold and open are for binary students; with several classes the argmax decides")
        }
    }

    /** Whether one channel of logits is compared with the threshold. */
    val isBinary: Boolean get() = classes.size == 1

    /** Rows, columns, RGB of the input that [preprocess] makes. */
    val inputShape: List<Int> get() = listOf(height, width, 3)

    /** Channels, rows, columns of the logits, in ONNX's order; TFLite's is rows, columns, channels. */
    val logitsShape: List<Int> get() = listOf(classes.size, height / stride, width / stride)

    companion object {
        /**
         * Reads the JSON object that artefacts carry.
         *
         * @throws BadInput not JSON, of another schema, or with a convention, field or type other than ours.
         */
        fun fromJson(text: String): Contract = of(readJson(text))

        /** The same from JSON that was read already, such as the `contract` of a manifest. */
        fun of(json: Any?): Contract {
            val found = json as? Map<*, *> ?: throw BadInput("contract must be a JSON object, found ${shown(json)}")
            val schema = found["schema"]
            if (schema != SCHEMA) {
                val newer = if (schema is Long && schema > SCHEMA) "; it is newer than this app: update the app" else ""
                throw BadInput("contract has schema ${shown(schema)}, this version expects $SCHEMA$newer")
            }
            for ((key, expected) in CONVENTIONS) {
                if (found[key] != expected) {
                    throw BadInput("contract has $key ${shown(found[key])}, this version expects ${shown(expected)}")
                }
            }
            val fields = found.keys - CONVENTIONS.keys - "schema"
            if (fields != FIELDS) {
                val missing = (FIELDS - fields).joinToString().ifEmpty { "none" }
                val unknown = (fields - FIELDS).joinToString().ifEmpty { "none" }
                throw BadInput("contract must have the fields ${FIELDS.joinToString()}; missing: $missing, unknown: $unknown")
            }
            return Contract(
                height = whole(found, "height"),
                width = whole(found, "width"),
                stride = whole(found, "stride"),
                classes = names(found["classes"]),
                threshold = (found["threshold"] as? Number ?: refuse("threshold", found["threshold"], "a number")).toDouble(),
                open = whole(found, "open"),
            )
        }

        private fun whole(found: Map<*, *>, key: String): Int {
            val value = found[key] as? Long ?: refuse(key, found[key], "a whole number")
            if (value !in Int.MIN_VALUE..Int.MAX_VALUE) refuse(key, value, "a number of pixels")
            return value.toInt()
        }

        private fun names(found: Any?): List<String> =
            (found as? List<*>)?.map { it as? String ?: refuse("classes", found, "names") } ?: refuse("classes", found, "names")

        private fun refuse(key: String, found: Any?, expected: String): Nothing =
            throw BadInput("contract has $key ${shown(found)}, expected $expected")

        private fun shown(value: Any?): String = if (value is String) "\"$value\"" else value.toString()
    }
}
