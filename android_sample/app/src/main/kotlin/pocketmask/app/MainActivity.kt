package pocketmask.app

import android.Manifest
import android.app.AlertDialog
import android.content.Intent
import android.content.pm.PackageManager
import android.graphics.Bitmap
import android.net.Uri
import android.os.Bundle
import android.view.View
import android.widget.Button
import android.widget.ImageView
import android.widget.TextView
import androidx.activity.ComponentActivity
import androidx.activity.result.contract.ActivityResultContracts
import java.io.IOException
import java.util.concurrent.ExecutorService
import java.util.concurrent.Executors
import pocketmask.core.Photo

/** The camera or a photo, with what the model makes of it. Everything heavy runs on one worker, in the order asked for. */
class MainActivity : ComponentActivity() {
    private val worker: ExecutorService = Executors.newSingleThreadExecutor()

    // Of the worker alone.
    private val pipeline = Pipeline()
    private val pace = Pace()
    private val screens = arrayOfNulls<Bitmap>(3)
    private var frames = 0

    // Written by the main thread, read by the worker.
    @Volatile private var settings = Settings()

    // Written by the worker; its pixels are the worker's, who draws the next frame into them.
    @Volatile private var last: Shown? = null

    // Of the main thread alone.
    private var classes = listOf<String>()
    private var photo: Photo? = null
    private var isFront = false
    private lateinit var models: Models
    private lateinit var camera: Camera

    private val askCamera = registerForActivityResult(ActivityResultContracts.RequestPermission()) { isGranted ->
        if (isGranted) startCamera() else say(getString(R.string.camera_refused))
    }
    private val pickPhoto = registerForActivityResult(ActivityResultContracts.GetContent()) { uri ->
        if (uri != null) openPhoto(uri)
    }
    private val pickModel = registerForActivityResult(ActivityResultContracts.OpenDocument()) { uri ->
        if (uri != null) open { models.open(uri) }
    }
    private val pickTarget = registerForActivityResult(ActivityResultContracts.CreateDocument("image/png")) { uri ->
        if (uri != null) save(uri)
    }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.main)
        models = Models(applicationContext)
        camera = Camera(applicationContext, this, findViewById<ImageView>(R.id.picture), worker, ::show, ::say)
        onClick(R.id.camera) { useCamera() }
        onClick(R.id.flip) {
            isFront = !isFront
            useCamera()
        }
        onClick(R.id.photo) { pickPhoto.launch("image/*") }
        onClick(R.id.model) { chooseModel() }
        onClick(R.id.effect) { set(settings.copy(effect = Effect.entries[(settings.effect.ordinal + 1) % Effect.entries.size])) }
        onClick(R.id.subject) { set(settings.copy(subject = (settings.subject + 1) % classes.size)) }
        onClick(R.id.smooth) { set(settings.copy(smoothing = if (settings.isSmooth) 1.0 else SMOOTH)) }
        onClick(R.id.save) { if (last != null) pickTarget.launch("pocketmask.png") }
        onClick(R.id.self_test) { startActivity(Intent(this, SelfTestActivity::class.java)) }
        set(settings)
        onWorker({ models.bundled() }) { bundled ->
            if (bundled.isEmpty()) say(getString(R.string.no_model)) else open { models.open(bundled.first()) }
        }
    }

    override fun onDestroy() {
        camera.stop()
        worker.execute { pipeline.close() }
        worker.shutdown()
        super.onDestroy()
    }

    // Models

    private fun chooseModel() = onWorker({ models.bundled() }) { bundled ->
        val names = bundled.map { "${it.folder}: ${it.name}${if (it.gate == "passed") "" else " (${it.gate})"}" }
        AlertDialog.Builder(this)
            .setTitle(R.string.model)
            .setItems((names + getString(R.string.from_file)).toTypedArray<CharSequence>()) { _, which ->
                // Files have no type of their own for models.
                if (which < bundled.size) open { models.open(bundled[which]) } else pickModel.launch(arrayOf("*/*"))
            }
            .show()
    }

    /** Takes the place of the model before it only once it runs: a refused one leaves the app as it was. */
    private fun open(model: () -> Segmenter) {
        say(getString(R.string.opening))
        onWorker({ model().also(pipeline::use) }) { opened ->
            classes = opened.contract.classes
            findViewById<View>(R.id.subject).visibility = if (opened.contract.isBinary) View.GONE else View.VISIBLE
            set(settings.copy(subject = minOf(1, classes.size - 1)))
            // A model that left the GPU says so, once; the unit stays in the readout.
            if (opened.refused.isEmpty()) hush() else say(getString(R.string.fallback, opened.unit, opened.refused))
            if (photo == null) useCamera()
        }
    }

    // Camera and photos

    private fun useCamera() {
        photo = null
        if (checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED) {
            startCamera()
        } else {
            askCamera.launch(Manifest.permission.CAMERA)
        }
    }

    private fun startCamera() {
        worker.execute { pipeline.forget() }
        camera.start(isFront)
    }

    private fun openPhoto(uri: Uri) {
        camera.stop()
        onWorker({ readPhoto(contentResolver, uri) }) {
            photo = it
            redraw()
        }
    }

    private fun set(changed: Settings) {
        settings = changed
        findViewById<Button>(R.id.effect).setText(
            when (changed.effect) {
                Effect.OVERLAY -> R.string.overlay
                Effect.BLUR -> R.string.blur
                Effect.CUT_OUT -> R.string.cut_out
                Effect.PHOTO -> R.string.plain
            },
        )
        findViewById<Button>(R.id.subject).text = classes.getOrNull(changed.subject).orEmpty()
        findViewById<Button>(R.id.smooth).setText(if (changed.isSmooth) R.string.smooth_on else R.string.smooth_off)
        redraw()
    }

    private fun redraw() {
        val still = photo ?: return
        // A photo has no frame before it.
        worker.execute {
            pipeline.forget()
            show(still, settings.copy(smoothing = 1.0))
        }
    }

    /** On the worker: one frame of the camera. */
    private fun show(frame: Photo) = show(frame, settings)

    private fun show(frame: Photo, settings: Settings) {
        attempt { pipeline.show(frame, settings) }.fold(
            { shown ->
                if (shown == null) return
                last = shown
                pace.add(shown.times, System.nanoTime())
                val median = pace.median()
                val readout = getString(
                    R.string.readout, shown.unit, median.model, median.whole, pace.framesPerSecond(), shown.width, shown.height,
                )
                val screen = screen(shown)
                runOnUiThread {
                    findViewById<ImageView>(R.id.picture).setImageBitmap(screen)
                    findViewById<TextView>(R.id.readout).text = readout
                }
            },
            { error -> runOnUiThread { say(error.reason) } },
        )
    }

    /** Three in turn: the one shown, the one on its way, and the one written to. Those of another size are let go. */
    private fun screen(shown: Shown): Bitmap {
        screens.indices.filter { screens[it]?.let { old -> old.width != shown.width || old.height != shown.height } == true }
            .forEach { screens[it] = null }
        val turn = frames++ % screens.size
        val screen = screens[turn] ?: Bitmap.createBitmap(shown.width, shown.height, Bitmap.Config.ARGB_8888)
        screens[turn] = screen
        screen.setPixels(shown.pixels, 0, shown.width, 0, 0, shown.width, shown.height)
        return screen
    }

    private fun save(uri: Uri) {
        onWorker({
            val shown = last ?: throw IOException("there is no picture to save")
            // Not the bitmap on screen, which the next frame will be written to. A cut-out keeps its alpha.
            val bitmap = Bitmap.createBitmap(shown.pixels, shown.width, shown.height, Bitmap.Config.ARGB_8888)
            val stream = contentResolver.openOutputStream(uri) ?: throw IOException("$uri cannot be written to")
            stream.use { if (!bitmap.compress(Bitmap.CompressFormat.PNG, 100, it)) throw IOException("$uri could not be written") }
        }) { say(getString(R.string.saved)) }
    }

    // What is on screen

    /** Work on the worker; what came of it, or a message, on the main thread. */
    private fun <T> onWorker(work: () -> T, then: (T) -> Unit) = worker.execute {
        val result = attempt(work)
        runOnUiThread { if (!isDestroyed) result.fold(then) { say(it.reason) } }
    }

    private fun onClick(id: Int, action: () -> Unit) = findViewById<Button>(id).setOnClickListener { action() }

    private fun say(message: String) {
        findViewById<TextView>(R.id.message).apply {
            text = message
            visibility = View.VISIBLE
            setOnClickListener { hush() }
        }
    }

    private fun hush() {
        findViewById<TextView>(R.id.message).visibility = View.GONE
    }
}
