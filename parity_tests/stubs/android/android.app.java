// Signatures: https://developer.android.com/reference/android/app/Activity
//             https://developer.android.com/reference/android/app/AlertDialog.Builder
package android.app;

import android.content.Context;
import android.content.DialogInterface;
import android.os.Bundle;
import android.view.View;

public class Activity extends Context {
    protected void onCreate(@androidx.annotation.Nullable Bundle savedInstanceState) {}
    protected void onDestroy() {}
    public void setContentView(int layoutResID) {}
    public <T extends View> T findViewById(int id) { return null; }
    public final void runOnUiThread(Runnable action) {}
    public boolean isDestroyed() { return false; }
}

public class AlertDialog implements DialogInterface {
    public static class Builder {
        public Builder(Context context) {}
        public Builder setTitle(int titleId) { return this; }
        public Builder setItems(CharSequence[] items, DialogInterface.OnClickListener listener) { return this; }
        public AlertDialog show() { return null; }
    }
}
