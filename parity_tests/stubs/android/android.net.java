// Signatures: https://developer.android.com/reference/android/net/Uri
package android.net;

public abstract class Uri {}
