package pocketmask.app

import com.google.ai.edge.litert.LiteRtException
import java.io.IOException
import pocketmask.core.BadInput

/**
 * A value, or why there is none.
 *
 * What a file, a camera or a model can do wrong becomes a message; anything else is a mistake of ours and may crash.
 */
inline fun <T> attempt(work: () -> T): Result<T> = try {
    Result.success(work())
} catch (error: BadInput) {
    Result.failure(error)
} catch (error: IOException) {
    Result.failure(error)
} catch (error: LiteRtException) {
    Result.failure(error)
} catch (error: SecurityException) {
    Result.failure(error) // A document whose permission has run out.
} catch (error: OutOfMemoryError) {
    Result.failure(IOException("too little memory: ${error.message}; use a smaller photo", error))
}

/** What to show of it. */
val Throwable.reason: String get() = message ?: javaClass.simpleName
