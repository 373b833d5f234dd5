// Signatures: https://developer.android.com/reference/android/content/pm/PackageManager#PERMISSION_GRANTED
package android.content.pm;

public abstract class PackageManager {
    public static final int PERMISSION_GRANTED = 0;
}
