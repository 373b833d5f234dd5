// Signatures: github.com/androidx/androidx, camera/camera-core/api/1.5.0-beta01.txt
package androidx.camera.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import androidx.lifecycle.LiveData;
import java.nio.ByteBuffer;
import java.util.concurrent.Executor;

public interface Camera {
    @NonNull CameraInfo getCameraInfo();
}

public interface CameraInfo {
    @NonNull LiveData<CameraState> getCameraState();
}

public class CameraInfoUnavailableException extends Exception {}

// https://developer.android.com/reference/androidx/camera/core/CameraState
public abstract class CameraState {
    public static final int ERROR_MAX_CAMERAS_IN_USE = 1;
    public static final int ERROR_CAMERA_IN_USE = 2;
    public static final int ERROR_OTHER_RECOVERABLE_ERROR = 3;
    public static final int ERROR_STREAM_CONFIG = 4;
    public static final int ERROR_CAMERA_DISABLED = 5;
    public static final int ERROR_CAMERA_FATAL_ERROR = 6;
    public static final int ERROR_DO_NOT_DISTURB_MODE_ENABLED = 7;
    @Nullable public abstract StateError getError();
    public abstract static class StateError {
        public abstract int getCode();
    }
}

public final class CameraSelector {
    @NonNull public static final CameraSelector DEFAULT_BACK_CAMERA = null;
    @NonNull public static final CameraSelector DEFAULT_FRONT_CAMERA = null;
}

public abstract class UseCase {}

public final class ImageAnalysis extends UseCase {
    public static final int OUTPUT_IMAGE_FORMAT_RGBA_8888 = 2;
    public static final int STRATEGY_KEEP_ONLY_LATEST = 0;
    public interface Analyzer {
        void analyze(@NonNull ImageProxy image);
    }
    public static final class Builder {
        public Builder() {}
        @NonNull public Builder setBackpressureStrategy(int strategy) { return this; }
        @NonNull public Builder setOutputImageFormat(int outputImageFormat) { return this; }
        @NonNull public Builder setTargetRotation(int rotation) { return this; }
        @NonNull public ImageAnalysis build() { return null; }
    }
    public int getTargetRotation() { return 0; }
    public void setTargetRotation(int rotation) {}
    public void setAnalyzer(@NonNull Executor executor, @NonNull Analyzer analyzer) {}
    public void clearAnalyzer() {}
}

public interface ImageInfo {
    int getRotationDegrees();
}

public interface ImageProxy extends AutoCloseable {
    interface PlaneProxy {
        int getRowStride();
        int getPixelStride();
        @NonNull ByteBuffer getBuffer();
    }
    @Override void close();
    int getHeight();
    int getWidth();
    @NonNull ImageInfo getImageInfo();
    @NonNull PlaneProxy[] getPlanes();
}
