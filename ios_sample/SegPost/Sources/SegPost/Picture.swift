/// What an app shows or shares: upright RGBA, each of 0 to 255, colours not multiplied by alpha.
public struct Picture: Equatable, Sendable {
    public let height: Int
    public let width: Int
    /// `height` rows of `width` times four bytes, without gaps.
    public internal(set) var pixels: [UInt8]

    /// - Throws: `BadInput`: no pixels, or another number of bytes than height × width × 4.
    public init(height: Int, width: Int, pixels: [UInt8]) throws {
        guard height > 0, width > 0, product([height, width, 4]) == pixels.count else {
            throw BadInput("\(pixels.count) bytes are no picture of \(height) × \(width) × 4")
        }
        self.height = height
        self.width = width
        self.pixels = pixels
    }

    /// A copy of a photo, upright, opaque.
    public init(_ photo: Photo) {
        height = photo.height
        width = photo.width
        let (red, green, blue) = (photo.format.red, photo.format.green, photo.format.blue)
        let count = photo.height * photo.width * 4
        pixels = [UInt8](unsafeUninitializedCapacity: count) { pixels, initialised in
            var target = 0
            for row in 0..<photo.height {
                var pixel = photo.origin + row * photo.rowStride
                for _ in 0..<photo.width {
                    pixels[target] = pixel[red]
                    pixels[target + 1] = pixel[green]
                    pixels[target + 2] = pixel[blue]
                    pixels[target + 3] = 255
                    target += 4
                    pixel += photo.columnStride
                }
            }
            initialised = count
        }
    }
}
