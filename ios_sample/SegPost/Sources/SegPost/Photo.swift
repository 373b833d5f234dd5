/// How a photo is stored against how it is looked at: EXIF's 1 to 8, under the names of CGImagePropertyOrientation,
/// whose raw values these are.
public enum Orientation: Int, CaseIterable, Sendable {
    case up = 1, upMirrored, down, downMirrored, leftMirrored, right, rightMirrored, left
}

/// What the bytes of a pixel are. `bgra` is what a camera and a Core ML image hold.
public enum PixelFormat: CaseIterable, Sendable {
    case rgb, rgba, bgra

    public var bytes: Int { self == .rgb ? 3 : 4 }
    var red: Int { self == .bgra ? 2 : 0 }
    var green: Int { 1 }
    var blue: Int { self == .bgra ? 0 : 2 }

    /// Bytes from one row to the next, once it is sure that all rows lie within the bytes that there are.
    func bytesPerRow(of what: String, height: Int, width: Int, given: Int?, available: Int) throws -> Int {
        guard height > 0, width > 0 else {
            throw BadInput("a \(what) needs at least one row and one column, found \(height) × \(width)")
        }
        guard let filled = product([width, bytes]), let total = product([height, given ?? filled]) else {
            throw BadInput("a \(what) of \(height) × \(width) is more than memory can address")
        }
        let bytesPerRow = given ?? filled
        guard bytesPerRow >= filled else {
            throw BadInput("a \(what) has \(bytesPerRow) bytes per row, \(width) \(self) pixels take \(filled)")
        }
        // The last row may end with its last pixel.
        let needed = total - (bytesPerRow - filled)
        guard available >= needed else {
            throw BadInput(
                "a \(what) of \(height) × \(width) \(self) pixels in rows of \(bytesPerRow) bytes takes \(needed) bytes, "
                    + "found \(available)")
        }
        return bytesPerRow
    }
}

/// An upright photo, read where it lies: its orientation is a way of walking through memory, nothing is turned or copied.
///
/// It does not own its bytes: use it only while they live, as within `withUnsafeBytes` or a locked CVPixelBuffer.
public struct Photo {
    /// Rows, seen upright.
    public let height: Int
    /// Columns, seen upright.
    public let width: Int
    let format: PixelFormat
    /// The pixel at the upper left, seen upright.
    let origin: UnsafePointer<UInt8>
    /// Bytes from a pixel to the one below it and to the one right of it, seen upright.
    let rowStride: Int, columnStride: Int

    /// - Parameters:
    ///   - pixels: `height` rows of `width` pixels as stored, each row `bytesPerRow` after the one before.
    ///   - height: Rows as stored.
    ///   - width: Columns as stored.
    ///   - bytesPerRow: As stored; rows without a gap if nil.
    /// - Throws: `BadInput`: no pixels, rows that overlap, or fewer bytes than that.
    public init(
        _ pixels: UnsafeRawBufferPointer, height: Int, width: Int, bytesPerRow: Int? = nil,
        format: PixelFormat = .rgb, orientation: Orientation = .up
    ) throws {
        let across = format.bytes
        let down = try format.bytesPerRow(
            of: "photo", height: height, width: width, given: bytesPerRow, available: pixels.count)
        let right = (width - 1) * across, bottom = (height - 1) * down
        let start: Int
        switch orientation {
        case .up: (start, rowStride, columnStride) = (0, down, across)
        case .upMirrored: (start, rowStride, columnStride) = (right, down, -across)
        case .down: (start, rowStride, columnStride) = (bottom + right, -down, -across)
        case .downMirrored: (start, rowStride, columnStride) = (bottom, -down, across)
        case .leftMirrored: (start, rowStride, columnStride) = (0, across, down)
        case .right: (start, rowStride, columnStride) = (bottom, across, -down)
        case .rightMirrored: (start, rowStride, columnStride) = (bottom + right, -across, -down)
        case .left: (start, rowStride, columnStride) = (right, -across, down)
        }
        let turned = orientation.rawValue > 4
        self.height = turned ? width : height
        self.width = turned ? height : width
        self.format = format
        origin = pixels.baseAddress!.assumingMemoryBound(to: UInt8.self) + start
    }
}
