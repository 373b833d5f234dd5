package pocketmask.core

/** What was given cannot be worked with: the message says what was found, what was expected and what to do. */
class BadInput(message: String) : IllegalArgumentException(message)

/** The number of elements of an array of this shape; refuses what no array on this machine can hold. */
internal fun elements(what: String, vararg shape: Int): Int {
    if (shape.any { it < 1 }) throw BadInput("$what of ${shape.joinToString(" × ")} has nothing in it; every side must be 1 or more")
    val count = shape.fold(1.0) { product, side -> product * side }
    if (count > Int.MAX_VALUE) throw BadInput("$what of ${shape.joinToString(" × ")} is larger than any array; use a smaller one")
    return count.toInt()
}
