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

/** The same whole numbers as float32, for an artefact that takes a tensor of those. */
fun preprocessFloats(
    photo: Photo,
    contract: Contract,
    input: FloatArray = FloatArray(inputSize(contract)),
): FloatArray {
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
    val down = Taps(photo.height, height)
    val across = Taps(photo.width, width)
    val pixels = photo.pixels
    var index = 0
    for (y in 0 until height) {
        val top = photo.origin + down.first[y] * photo.rowStride
        val bottom = photo.origin + down.second[y] * photo.rowStride
        val t = down.weight[y]
        for (x in 0 until width) {
            val left = across.first[x] * photo.columnStride
            val right = across.second[x] * photo.columnStride
            val u = across.weight[x]
            val topLeft = pixels[top + left]
            val topRight = pixels[top + right]
            val bottomLeft = pixels[bottom + left]
            val bottomRight = pixels[bottom + right]
            var shift = 16
            while (shift >= 0) {
                val first = lerp(channel(topLeft, shift), channel(bottomLeft, shift), t)
                val second = lerp(channel(topRight, shift), channel(bottomRight, shift), t)
                // Cut off after adding a half, so that halves go up.
                put(index++, (lerp(first, second, u) + 0.5f).toInt())
                shift -= 8
            }
        }
    }
}

private fun channel(pixel: Int, shift: Int): Float = (pixel shr shift and 0xFF).toFloat()
