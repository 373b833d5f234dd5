/// The class of every pixel of an upright photo; of a binary student 1 is foreground, 0 is not.
public struct Mask: Equatable, Sendable {
    public let height: Int
    public let width: Int
    /// `height` rows of `width` class indices, without gaps.
    public internal(set) var pixels: [UInt8]

    /// All of class 0.
    ///
    /// - Throws: `BadInput`: no pixels.
    public init(height: Int, width: Int) throws {
        guard height > 0, width > 0, let count = product([height, width]) else {
            throw BadInput("a mask needs at least one row and one column, found \(height) × \(width)")
        }
        self.height = height
        self.width = width
        pixels = [UInt8](repeating: 0, count: count)
    }

    /// - Throws: `BadInput`: no pixels, or another number than height × width.
    public init(height: Int, width: Int, pixels: [UInt8]) throws {
        guard height > 0, width > 0, product([height, width]) == pixels.count else {
            throw BadInput("\(pixels.count) pixels are no mask of \(height) × \(width)")
        }
        self.height = height
        self.width = width
        self.pixels = pixels
    }
}
