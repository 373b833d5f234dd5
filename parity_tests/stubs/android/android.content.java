// Signatures: https://developer.android.com/reference/android/content/Context
//             https://developer.android.com/reference/android/content/ContentResolver
//             https://developer.android.com/reference/android/content/DialogInterface.OnClickListener
//             https://developer.android.com/reference/android/content/Intent
package android.content;

import android.content.res.AssetManager;
import android.net.Uri;
import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.io.File;
import java.io.FileNotFoundException;
import java.io.InputStream;
import java.io.OutputStream;

public abstract class Context {
    public AssetManager getAssets() { return null; }
    public ContentResolver getContentResolver() { return null; }
    public Context getApplicationContext() { return null; }
    public File getFilesDir() { return null; }
    public final <T> T getSystemService(Class<T> serviceClass) { return null; }
    @NonNull public final String getString(int resId) { return ""; }
    @NonNull public final String getString(int resId, Object... formatArgs) { return ""; }
    public int checkSelfPermission(@NonNull String permission) { return -1; }
    public void startActivity(Intent intent) {}
}

public abstract class ContentResolver {
    @Nullable public final InputStream openInputStream(@NonNull Uri uri) throws FileNotFoundException { return null; }
    @Nullable public final OutputStream openOutputStream(@NonNull Uri uri) throws FileNotFoundException { return null; }
}

public interface DialogInterface {
    interface OnClickListener {
        void onClick(DialogInterface dialog, int which);
    }
}

public class Intent {
    public static final String ACTION_SEND = "android.intent.action.SEND";
    public static final String EXTRA_TEXT = "android.intent.extra.TEXT";
    public Intent(String action) {}
    public Intent(Context packageContext, Class<?> cls) {}
    @NonNull public Intent setType(@Nullable String type) { return this; }
    @NonNull public Intent putExtra(String name, @Nullable String value) { return this; }
    public static Intent createChooser(Intent target, CharSequence title) { return null; }
}
