package pocketmask.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

private val FIELDS = mapOf(
    "schema" to "1",
    "input" to "\"image\"",
    "output" to "\"logits\"",
    "colour" to "\"rgb\"",
    "range" to "[0, 255]",
    "resize" to "\"stretch-bilinear-half-pixel\"",
    "upsample" to "\"bilinear-half-pixel\"",
    "height" to "256",
    "width" to "192",
    "stride" to "4",
    "classes" to "[\"coin\"]",
    "threshold" to "0.25",
    "open" to "3",
)

private fun json(fields: Map<String, String>) = fields.entries.joinToString(prefix = "{", postfix = "}") { "\"${it.key}\": ${it.value}" }

private fun changed(vararg changes: Pair<String, String>) = Contract.fromJson(json(FIELDS + changes))

class ContractTest {
    @Test
    fun `every field is read`() {
        val contract = Contract.fromJson(json(FIELDS))

        assertEquals(Contract(256, 192, 4, listOf("coin"), 0.25, 3), contract)
        assertTrue(contract.isBinary)
        assertEquals(listOf(256, 192, 3), contract.inputShape)
        assertEquals(listOf(1, 64, 48), contract.logitsShape)
        assertEquals(-2.0, changed("threshold" to "-2").threshold, 0.0)
    }

    @Test
    fun `a newer schema says to update the app`() {
        assertRefused("schema 2", "expects 1", "update the app") { changed("schema" to "2") }
        assertRefused("schema \"1\"") { changed("schema" to "\"1\"") }
        assertRefused("schema null") { Contract.fromJson(json(FIELDS - "schema")) }
    }

    @Test
    fun `other conventions are refused by name`() {
        assertRefused("input \"pixels\"", "\"image\"") { changed("input" to "\"pixels\"") }
        assertRefused("output \"mask\"", "\"logits\"") { changed("output" to "\"mask\"") }
        assertRefused("colour \"bgr\"", "\"rgb\"") { changed("colour" to "\"bgr\"") }
        assertRefused("range [0, 1]", "[0, 255]") { changed("range" to "[0, 1]") }
        assertRefused("resize \"letterbox\"") { changed("resize" to "\"letterbox\"") }
        assertRefused("upsample null") { changed("upsample" to "null") }
    }

    @Test
    fun `missing and unknown fields are named`() {
        for (field in listOf("height", "width", "stride", "classes", "threshold", "open")) {
            assertRefused("missing: $field, unknown: none") { Contract.fromJson(json(FIELDS - field)) }
        }
        assertRefused("missing: none, unknown: mirror") { changed("mirror" to "true") }
    }

    @Test
    fun `other types are refused with what was found`() {
        assertRefused("height 256.0", "whole number") { changed("height" to "256.0") }
        assertRefused("width true", "whole number") { changed("width" to "true") }
        assertRefused("stride \"4\"", "whole number") { changed("stride" to "\"4\"") }
        assertRefused("open null") { changed("open" to "null") }
        assertRefused("height 4294967296", "pixels") { changed("height" to "4294967296") }
        assertRefused("threshold \"0\"", "a number") { changed("threshold" to "\"0\"") }
        assertRefused("classes \"coin\"", "names") { changed("classes" to "\"coin\"") }
        assertRefused("classes [coin, 1]", "names") { changed("classes" to "[\"coin\", 1]") }
        assertRefused("JSON object", "[]") { Contract.fromJson("[]") }
        assertRefused("not JSON") { Contract.fromJson("{") }
    }

    @Test
    fun `what no student can have is refused`() {
        assertRefused("stride 3", "1, 2, 4, 8, 16") { changed("stride" to "3") }
        assertRefused("height 255", "multiple of stride 4") { changed("height" to "255") }
        assertRefused("width 0") { changed("width" to "0") }
        assertRefused("classes []") { changed("classes" to "[]") }
        assertRefused("classes [coin, coin]") { changed("classes" to "[\"coin\", \"coin\"]") }
        assertRefused("classes []") { changed("classes" to "[\"\"]") }
        assertRefused("open 4", "odd") { changed("open" to "4") }
        assertRefused("open -1") { changed("open" to "-1") }
        assertRefused("threshold", "finite") { changed("threshold" to "1e999") }
        assertRefused("argmax decides") { changed("classes" to "[\"sky\", \"road\"]") }
    }
}
