// Signatures: https://developer.android.com/reference/androidx/annotation/Nullable
// What an app is checked against carries these, so that null is caught here as it is there.
package androidx.annotation;

public @interface Nullable {}

public @interface NonNull {}
