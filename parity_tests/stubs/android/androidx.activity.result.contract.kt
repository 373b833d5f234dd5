// Signatures: github.com/androidx/androidx, activity/activity/api/1.9.0-beta01.txt
package androidx.activity.result.contract

import android.net.Uri

abstract class ActivityResultContract<I, O>

class ActivityResultContracts private constructor() {
    class RequestPermission : ActivityResultContract<String, Boolean>()

    open class GetContent : ActivityResultContract<String, Uri?>()

    open class OpenDocument : ActivityResultContract<Array<String>, Uri?>()

    open class CreateDocument(mimeType: String) : ActivityResultContract<String, Uri?>() {
        private val type = mimeType

        override fun toString() = type
    }
}
