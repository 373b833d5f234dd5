package pocketmask.core

import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue

/** That [step] is refused, with all of [words] in the message. */
internal fun assertRefused(vararg words: String, step: () -> Unit) {
    val message = assertThrows(BadInput::class.java) { step() }.message.orEmpty()
    for (word in words) assertTrue("'$word' is not in: $message", word in message)
}
