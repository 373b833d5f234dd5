// Signatures: https://developer.android.com/reference/kotlin/androidx/lifecycle/LifecycleOwner
package androidx.lifecycle

interface LifecycleOwner
