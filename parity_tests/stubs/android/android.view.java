// Signatures: https://developer.android.com/reference/android/view/View
//             https://developer.android.com/reference/android/view/Display
package android.view;

import androidx.annotation.Nullable;

public class View {
    public static final int VISIBLE = 0;
    public static final int GONE = 8;
    public interface OnClickListener {
        void onClick(View v);
    }
    public void setOnClickListener(@Nullable OnClickListener l) {}
    public int getVisibility() { return VISIBLE; }
    public void setVisibility(int visibility) {}
    // "may be null if the view is not attached to any window"
    @Nullable public Display getDisplay() { return null; }
}

public final class Display {
    public int getDisplayId() { return 0; }
    public int getRotation() { return 0; }
}
