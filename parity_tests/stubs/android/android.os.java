// Signatures: https://developer.android.com/reference/android/os/Build
//             https://developer.android.com/reference/android/os/Handler
//             https://developer.android.com/reference/android/os/Looper
package android.os;

import androidx.annotation.NonNull;

public class Build {
    public static final String MANUFACTURER = "";
    public static final String MODEL = "";
    public static class VERSION {
        public static final String RELEASE = "";
        public static final int SDK_INT = 0;
    }
}

public final class Bundle {}

public class Handler {
    public Handler(@NonNull Looper looper) {}
    public final boolean post(@NonNull Runnable r) { return true; }
}

public final class Looper {
    public static Looper getMainLooper() { return null; }
}
