// Signatures: https://developer.android.com/reference/android/widget/TextView
//             https://developer.android.com/reference/android/widget/ImageView
package android.widget;

import android.graphics.Bitmap;
import android.view.View;

public class TextView extends View {
    public CharSequence getText() { return ""; }
    public final void setText(CharSequence text) {}
    public final void setText(int resid) {}
}

public class Button extends TextView {}

public class ImageView extends View {
    public void setImageBitmap(Bitmap bm) {}
}
