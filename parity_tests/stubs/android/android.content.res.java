// Signatures: https://developer.android.com/reference/android/content/res/AssetManager
package android.content.res;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.io.IOException;
import java.io.InputStream;

public final class AssetManager {
    @Nullable public String[] list(@NonNull String path) throws IOException { return null; }
    @NonNull public InputStream open(@NonNull String fileName) throws IOException { return null; }
}
