package pocketmask.core

/** Deeper than anything that Pocketmask writes, and shallow enough for any stack. */
private const val DEEPEST = 64

/**
 * Reads JSON (RFC 8259): objects become maps in the order read, arrays lists, whole numbers [Long], others [Double].
 *
 * @throws BadInput not JSON, a key twice in one object, a whole number beyond 64 bits, or nested deeper than 64.
 */
fun readJson(text: String): Any? = JsonReader(text).read()

private class JsonReader(private val text: String) {
    private var at = 0

    fun read(): Any? {
        val value = value(0)
        space()
        if (at < text.length) fail("the end")
        return value
    }

    private fun value(depth: Int): Any? {
        if (depth > DEEPEST) throw BadInput("not JSON of ours: nested deeper than $DEEPEST")
        space()
        return when (peek()) {
            '{' -> members(depth)
            '[' -> entries(depth)
            '"' -> string()
            't' -> word("true", true)
            'f' -> word("false", false)
            'n' -> word("null", null)
            else -> number()
        }
    }

    private fun members(depth: Int): Map<String, Any?> {
        val members = LinkedHashMap<String, Any?>()
        list('}') {
            if (peek() != '"') fail("a key")
            val key = string()
            space()
            expect(':')
            if (key in members) throw BadInput("not JSON of ours: key \"$key\" twice in one object")
            members[key] = value(depth + 1)
        }
        return members
    }

    private fun entries(depth: Int): List<Any?> = buildList { list(']') { add(value(depth + 1)) } }

    private fun list(end: Char, entry: () -> Unit) {
        at++
        space()
        if (peek() == end) {
            at++
            return
        }
        while (true) {
            space()
            entry()
            space()
            if (peek() != ',') break
            at++
        }
        expect(end)
    }

    private fun string(): String {
        at++
        val start = at
        while (peek() != '"' && peek() != '\\' && peek() >= ' ') at++
        if (peek() == '"') return text.substring(start, at++)
        val characters = StringBuilder().append(text, start, at)
        while (peek() != '"') {
            if (peek() < ' ') fail("a character of a string")
            characters.append(if (peek() == '\\') escaped() else text[at++])
        }
        at++
        return characters.toString()
    }

    private fun escaped(): Char {
        at++
        val name = peek()
        at++
        return when (name) {
            '"', '\\', '/' -> name
            'b' -> '\b'
            'f' -> '\u000c'
            'n' -> '\n'
            'r' -> '\r'
            't' -> '\t'
            'u' -> {
                val digits = text.substring(at, minOf(at + 4, text.length))
                if (!HEXADECIMAL.matches(digits)) fail("four hexadecimal digits")
                at += 4
                digits.toInt(16).toChar()
            }
            else -> {
                at--
                fail("an escape")
            }
        }
    }

    private fun number(): Number {
        val start = at
        while (at < text.length && (text[at] in '0'..'9' || text[at] in "+-.eE")) at++
        val digits = text.substring(start, at)
        if (!NUMBER.matches(digits)) {
            at = start
            fail("a value")
        }
        if (digits.any { it in ".eE" }) return digits.toDouble()
        return digits.toLongOrNull() ?: throw BadInput("not JSON of ours: whole number $digits is beyond 64 bits")
    }

    private fun <T> word(word: String, value: T): T {
        if (!text.startsWith(word, at)) fail("a value")
        at += word.length
        return value
    }

    private fun space() {
        while (at < text.length && text[at] in " \t\n\r") at++
    }

    /** The next character; NUL at the end, which JSON nowhere allows. */
    private fun peek(): Char = if (at < text.length) text[at] else '\u0000'

    private fun expect(character: Char) {
        if (peek() != character) fail("'$character'")
        at++
    }

    private fun fail(expected: String): Nothing {
        val found = if (at < text.length) "'${text[at]}'" else "the end"
        throw BadInput("not JSON: expected $expected at character $at, found $found")
    }

    private companion object {
        val NUMBER = Regex("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?")
        val HEXADECIMAL = Regex("[0-9a-fA-F]{4}")
    }
}
