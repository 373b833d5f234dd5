// Signatures: github.com/androidx/androidx, camera/camera-lifecycle/api/1.7.0-rc01.txt
package androidx.camera.lifecycle

import android.content.Context
import androidx.camera.core.Camera
import androidx.camera.core.CameraInfoUnavailableException
import androidx.camera.core.CameraSelector
import androidx.camera.core.UseCase
import androidx.lifecycle.LifecycleOwner
import com.google.common.util.concurrent.ListenableFuture

class ProcessCameraProvider private constructor() {
    @Throws(CameraInfoUnavailableException::class)
    fun hasCamera(cameraSelector: CameraSelector): Boolean = TODO("$cameraSelector")

    fun bindToLifecycle(lifecycleOwner: LifecycleOwner, cameraSelector: CameraSelector, vararg useCases: UseCase?): Camera =
        TODO("$lifecycleOwner $cameraSelector $useCases")

    fun unbindAll(): Unit = TODO()

    companion object {
        @JvmStatic
        fun getInstance(context: Context): ListenableFuture<ProcessCameraProvider> = TODO("$context")
    }
}
