package pocketmask.app

import android.content.Context
import android.hardware.display.DisplayManager
import android.os.Handler
import android.os.Looper
import android.view.View
import androidx.camera.core.CameraInfoUnavailableException
import androidx.camera.core.CameraSelector
import androidx.camera.core.CameraState
import androidx.camera.core.ImageAnalysis
import androidx.camera.core.ImageProxy
import androidx.camera.lifecycle.ProcessCameraProvider
import androidx.lifecycle.LifecycleOwner
import androidx.lifecycle.LiveData
import java.util.concurrent.ExecutionException
import java.util.concurrent.Executor
import pocketmask.core.BadInput
import pocketmask.core.Photo

/** What the codes of `CameraState` mean to who holds the phone. */
private fun said(error: Int): String = when (error) {
    CameraState.ERROR_CAMERA_IN_USE, CameraState.ERROR_MAX_CAMERAS_IN_USE -> "Another app is using the camera. Close it."
    CameraState.ERROR_CAMERA_DISABLED -> "The camera is switched off in this phone's settings."
    CameraState.ERROR_DO_NOT_DISTURB_MODE_ENABLED -> "The camera does not open while Do Not Disturb is on."
    else -> "The camera has failed (CameraX's error $error). Tap Camera to try again."
}

/**
 * Frames of a camera as upright photos, the newest only: one that comes while another is worked on is dropped.
 *
 * There is no preview beside them. What is shown is the frame that the mask is of, so the two cannot lie apart.
 *
 * @param view on the display whose rotation counts.
 * @param worker runs [onFrame], one frame at a time.
 * @param onFrame a photo, valid until it returns.
 * @param onFailure on the main thread: why there is no camera, or no frame.
 */
class Camera(
    context: Context,
    private val owner: LifecycleOwner,
    private val view: View,
    private val worker: Executor,
    private val onFrame: (Photo) -> Unit,
    private val onFailure: (String) -> Unit,
) : DisplayManager.DisplayListener {
    private val main = Handler(Looper.getMainLooper())
    private val displays = context.getSystemService(DisplayManager::class.java)
    private val opening = ProcessCameraProvider.getInstance(context)
    private var analysis: ImageAnalysis? = null
    private var state: LiveData<CameraState>? = null
    private var pixels = IntArray(0)

    /** Which side was asked for last; null: none. CameraX may be ready only after the user has gone on. */
    private var wanted: Boolean? = null

    /** Starts, or changes to the other side. On the main thread. */
    fun start(isFront: Boolean) {
        wanted = isFront
        // Context.mainExecutor came only with API 28.
        opening.addListener({ if (wanted == isFront) bind(isFront) }, { main.post(it) })
    }

    fun stop() {
        wanted = null
        displays.unregisterDisplayListener(this)
        analysis?.clearAnalyzer()
        analysis = null
        if (opening.isDone) provider()?.let(::release)
    }

    private fun release(provider: ProcessCameraProvider) {
        state?.removeObservers(owner)
        state = null
        provider.unbindAll()
    }

    private fun bind(isFront: Boolean) {
        val side = if (isFront) CameraSelector.DEFAULT_FRONT_CAMERA else CameraSelector.DEFAULT_BACK_CAMERA
        val provider = provider() ?: return
        try {
            if (!provider.hasCamera(side)) {
                onFailure("This device has no ${if (isFront) "front" else "back"} camera.")
                return
            }
            // 640 × 480, CameraX's default: a larger frame costs time in drawing and changes the input little.
            val frames = ImageAnalysis.Builder()
                .setBackpressureStrategy(ImageAnalysis.STRATEGY_KEEP_ONLY_LATEST)
                .setOutputImageFormat(ImageAnalysis.OUTPUT_IMAGE_FORMAT_RGBA_8888)
                .setTargetRotation(rotation())
                .build()
            frames.setAnalyzer(worker) { frame -> frame.use { analyze(it, isFront) } }
            release(provider)
            // In another app's hands, switched off, too hot: CameraX tells it here alone, and frames simply do not come.
            state = provider.bindToLifecycle(owner, side, frames).cameraInfo.cameraState.also {
                it.observe(owner) { found -> found.error?.let { error -> onFailure(said(error.code)) } }
            }
            analysis = frames
            displays.unregisterDisplayListener(this)
            displays.registerDisplayListener(this, main)
        } catch (error: CameraInfoUnavailableException) {
            onFailure("The camera cannot be asked what it is: ${error.message}")
        } catch (error: IllegalArgumentException) {
            onFailure("The camera cannot be opened: ${error.message}")
        } catch (error: IllegalStateException) {
            onFailure("The camera cannot be opened: ${error.message}")
        }
    }

    private fun provider(): ProcessCameraProvider? = try {
        opening.get()
    } catch (error: ExecutionException) {
        onFailure("CameraX did not start: ${error.cause?.message ?: error.message}")
        null
    }

    private fun analyze(frame: ImageProxy, isFront: Boolean) {
        try {
            val plane = frame.planes[0]
            val count = frame.height * frame.width
            if (pixels.size != count) pixels = IntArray(count)
            pack(plane.buffer, frame.height, frame.width, plane.rowStride, pixels)
            val orientation = orientation(frame.imageInfo.rotationDegrees, isFront)
            onFrame(Photo.of(pixels, frame.height, frame.width, orientation))
        } catch (error: BadInput) {
            main.post { onFailure(error.message.orEmpty()) }
        }
    }

    private fun rotation(): Int = view.display?.rotation ?: 0

    // Half a turn, from landscape to landscape, is no configuration change: only the display tells.
    override fun onDisplayChanged(displayId: Int) {
        if (displayId == view.display?.displayId) analysis?.targetRotation = rotation()
    }

    override fun onDisplayAdded(displayId: Int) = Unit

    override fun onDisplayRemoved(displayId: Int) = Unit
}
