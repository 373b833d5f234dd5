// Signatures: https://developer.android.com/reference/android/media/ExifInterface
package android.media;

import androidx.annotation.NonNull;
import java.io.IOException;
import java.io.InputStream;

public class ExifInterface {
    public static final String TAG_ORIENTATION = "Orientation";
    public ExifInterface(@NonNull InputStream inputStream) throws IOException {}
    public int getAttributeInt(@NonNull String tag, int defaultValue) { return defaultValue; }
}
