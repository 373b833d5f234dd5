// Photo to input: upright, stretched to the contract's size, still raw RGB.
package pocketmask.core

/**
 * The input of a student whose artefact takes bytes: (height, width, 3) RGB.
 *
 * @param input written and returned; give the same array again for the next frame.
 * @throws BadInput [input] is not of the contract's size.
 */
fun preprocess(photo: Photo, contract: Contract, input: ByteArray = ByteArray(inputSize(contract))): ByteArray {
    checkInput(input.size, contract)
    stretch(photo, contract.height, contract.width) { index, value -> input[index] = value.toByte() }
    return input
}

/** The same whole numbers as float32, for an artefact that takes those. */
fun preprocess(photo: Photo, contract: Contract, input: FloatArray): FloatArray {
    checkInput(input.size, contract)
    stretch(photo, contract.height, contract.width) { index, value -> input[index] = value.toFloat() }
    return input
}

private fun inputSize(contract: Contract): Int = elements("an input", contract.height, contract.width, 3)

private fun checkInput(found: Int, contract: Contract) {
    if (found != inputSize(contract)) {
        throw BadInput("the input has room for $found values, expected ${contract.inputShape.joinToString(" × ")}")
    }
}

private inline fun stretch(photo: Photo, height: Int, width: Int, put: (index: Int, value: Int) -> Unit) {
    val vertical = Taps(photo.height, height)
    val horizontal = Taps(photo.width, width)
    val pixels = photo.pixels
    var index = 0
    for (y in 0 until height) {
        val top = photo.origin + vertical.first[y] * photo.down
        val bottom = photo.origin + vertical.second[y] * photo.down
        val down = vertical.weight[y]
        for (x in 0 until width) {
            val left = horizontal.first[x] * photo.across
            val right = horizontal.second[x] * photo.across
            val across = horizontal.weight[x]
            val topLeft = pixels[top + left]
            val topRight = pixels[top + right]
            val bottomLeft = pixels[bottom + left]
            val bottomRight = pixels[bottom + right]
            var shift = 16
            while (shift >= 0) {
                val first = mixed(channel(topLeft, shift), channel(bottomLeft, shift), down)
                val second = mixed(channel(topRight, shift), channel(bottomRight, shift), down)
                // Cut off after adding a half, so that halves go up.
                put(index++, (mixed(first, second, across) + 0.5f).toInt())
                shift -= 8
            }
        }
    }
}

private fun channel(pixel: Int, shift: Int): Float = (pixel shr shift and 0xFF).toFloat()

private fun mixed(first: Float, second: Float, weight: Float): Float = first + (second - first) * weight
