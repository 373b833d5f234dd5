// Signatures: https://developer.android.com/reference/android/graphics/Bitmap
//             https://developer.android.com/reference/android/graphics/BitmapFactory
package android.graphics;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.io.InputStream;
import java.io.OutputStream;

public final class Bitmap {
    public enum Config { ALPHA_8, RGB_565, ARGB_8888 }
    public enum CompressFormat { JPEG, PNG, WEBP }
    public static Bitmap createBitmap(int width, int height, @NonNull Config config) { return null; }
    public static Bitmap createBitmap(@NonNull int[] colors, int width, int height, Config config) { return null; }
    public final int getHeight() { return 0; }
    public final int getWidth() { return 0; }
    public void getPixels(int[] pixels, int offset, int stride, int x, int y, int width, int height) {}
    public void setPixels(@NonNull int[] pixels, int offset, int stride, int x, int y, int width, int height) {}
    public boolean compress(@NonNull CompressFormat format, int quality, @NonNull OutputStream stream) { return false; }
    public void recycle() {}
}

public class BitmapFactory {
    public static class Options {
        public boolean inJustDecodeBounds;
        public Bitmap.Config inPreferredConfig;
        public int inSampleSize;
        public int outHeight;
        public int outWidth;
    }
    @Nullable public static Bitmap decodeStream(@Nullable InputStream is, @Nullable Rect outPadding, @Nullable Options opts) { return null; }
}

public final class Rect {}
