package pocketmask.core

import org.junit.Assert.assertEquals
import org.junit.Test

class JsonTest {
    @Test
    fun `values of every kind are read`() {
        val text = """ {"a": [1, -2.5, 1e3, true, false, null], "b": {}, "c": [], "": "x"} """

        val expected = mapOf("a" to listOf(1L, -2.5, 1000.0, true, false, null), "b" to mapOf<String, Any>(), "c" to listOf<Any>(), "" to "x")
        assertEquals(expected, readJson(text))
    }

    @Test
    fun `escapes are what they stand for`() {
        assertEquals("\"\\/\b\u000c\n\r\té\uD83D\uDE00", readJson(""""\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00""""))
    }

    @Test
    fun `what is not JSON is refused, with the place`() {
        val damaged = listOf(
            "", " ", "{", "[1", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "01", "+1", "1.", ".5", "1e", "-", "NaN",
            "tru", "nul", "1 2", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\u+123\"", "\"a\nb\"", "'a'", "[1 2]", "\u0000",
        )
        for (text in damaged) assertRefused("not JSON: expected", "at character") { readJson(text) }
    }

    @Test
    fun `what no file of ours has is refused`() {
        assertRefused("\"a\" twice") { readJson("""{"a": 1, "a": 2}""") }
        assertRefused("beyond 64 bits") { readJson("9223372036854775808") }
        assertRefused("deeper than 64") { readJson("[".repeat(100_000)) }
    }
}
