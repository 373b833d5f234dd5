package pocketmask.app

import android.content.ContentResolver
import android.content.Context
import android.net.Uri
import java.io.File
import java.io.IOException
import java.io.InputStream
import pocketmask.core.BadInput

private const val MANIFEST = "manifest.json"

/** The copy of a document, without its suffix. */
private const val PICKED = "picked"

/**
 * Where artefacts come from: the app's assets, which `make apps` fills, or a document that the user picks.
 *
 * Either is copied once to a file of the app's own, since only a file can be mapped into memory.
 */
class Models(context: Context) {
    private val assets = context.assets
    private val documents: ContentResolver = context.contentResolver
    private val folder = File(context.filesDir, "models")

    /**
     * All that `make apps` put into the app; empty before its first run.
     *
     * @throws BadInput a manifest of another schema, or damaged.
     */
    fun bundled(): List<Artefact> = assets.list("").orEmpty()
        .filter { MANIFEST in assets.list(it).orEmpty() }
        .flatMap { artefacts(it, text("$it/$MANIFEST")) }

    /** @throws BadInput the copy is not the artefact that its manifest lists. */
    fun open(artefact: Artefact): Segmenter {
        val file = File(folder, "${artefact.sha256}.tflite")
        forgetAllBut(bundled().map { it.sha256 })
        if (!file.exists()) assets.open("${artefact.folder}/${artefact.file}").use { copy(it, file) }
        try {
            // Each time, not only after copying: storage fails as well.
            checkDigest(artefact.file, mapped(file), artefact.sha256)
        } catch (error: BadInput) {
            file.delete()
            throw error
        }
        return Segmenter.open(file)
    }

    /**
     * @throws BadInput not an artefact of ours, or none that this phone can run.
     * @throws IOException the document cannot be read.
     */
    fun open(document: Uri): Segmenter {
        val file = File(folder, "$PICKED.tflite")
        val stream = documents.openInputStream(document) ?: throw IOException("$document has no content")
        stream.use { copy(it, file) }
        return Segmenter.open(file)
    }

    /** The self-test's photo and masks that were written beside an artefact. */
    fun recorded(artefact: Artefact): Recorded {
        val all = recorded(text("${artefact.folder}/self-test.json"))
        return all.firstOrNull { it.name == artefact.name }
            ?: throw BadInput("the self-test records ${all.map { it.name }}, expected ${artefact.name}; run `make apps` again")
    }

    /** @throws IOException the app was built without golden vectors. */
    fun golden(file: String): String = text("golden/$file.json")

    private fun text(asset: String): String = assets.open(asset).use { it.readBytes().decodeToString() }

    /** An update of the app brings other models: copies of those before would stay for good. */
    private fun forgetAllBut(digests: List<String>) =
        folder.listFiles { file -> file.nameWithoutExtension !in digests + PICKED }.orEmpty().forEach { it.delete() }

    /** By another name first, so that a copy cut short is never taken for a model. */
    private fun copy(from: InputStream, to: File) {
        folder.mkdirs()
        val partial = File(folder, "${to.name}.partial")
        try {
            partial.outputStream().use { from.copyTo(it) }
            if (!partial.renameTo(to)) throw IOException("cannot write $to; free some storage")
        } finally {
            partial.delete() // There only if something failed; a full storage should not stay full.
        }
    }
}
