// Signatures: github.com/androidx/androidx, activity/activity/api/1.9.0-beta01.txt
package androidx.activity.result

fun interface ActivityResultCallback<O> {
    fun onActivityResult(result: O)
}

abstract class ActivityResultLauncher<I> {
    abstract fun launch(input: I)
}
