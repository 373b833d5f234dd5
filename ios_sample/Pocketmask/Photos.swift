import CoreGraphics
import Foundation
import ImageIO
import SegPost
import UniformTypeIdentifiers

// Between files, what the screen shows, and SegPost's pictures. All are sRGB: a picker's photo may be of a wider space,
// and a student has never seen one.

/// Photos are made no larger than this: one of 48 megapixels would take most of a phone's memory, in several copies.
let longestSide = 4096

extension Picture {
    /// A photo from the bytes of any image file that the system reads, turned upright as its EXIF says.
    ///
    /// - Throws: `BadInput.noPhoto`.
    init(file: Data) throws {
        let options: [String: Any] = [
            kCGImageSourceCreateThumbnailFromImageAlways as String: true,
            kCGImageSourceCreateThumbnailWithTransform as String: true,
            kCGImageSourceThumbnailMaxPixelSize as String: longestSide,
        ]
        guard let source = CGImageSourceCreateWithData(NSData(data: file) as CFData, nil),
            let image = CGImageSourceCreateThumbnailAtIndex(source, 0, NSDictionary(dictionary: options) as CFDictionary)
        else {
            throw BadInput.noPhoto(reason: "its \(file.count) bytes are no image that this device can decode")
        }
        try self.init(image)
    }

    /// - Throws: `BadInput.noPhoto`: no pixels, or no memory for them.
    init(_ image: CGImage) throws {
        let (height, width) = (image.height, image.width)
        guard height > 0, width > 0 else { throw BadInput.noPhoto(reason: "it has \(height) × \(width) pixels") }
        var pixels = [UInt8](repeating: 255, count: height * width * 4)
        let isDrawn = pixels.withUnsafeMutableBytes { bytes -> Bool in
            // Without alpha: what is transparent is drawn on white, as the pixels were.
            guard let space = CGColorSpace(name: CGColorSpace.sRGB),
                let context = CGContext(
                    data: bytes.baseAddress, width: width, height: height, bitsPerComponent: 8, bytesPerRow: width * 4,
                    space: space, bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
            else { return false }
            context.draw(image, in: CGRect(x: 0, y: 0, width: width, height: height))
            return true
        }
        guard isDrawn else { throw BadInput.noPhoto(reason: "no memory for \(height) × \(width) pixels") }
        try self.init(height: height, width: width, pixels: pixels)
    }

    /// For the screen; it copies the pixels.
    func image() throws -> CGImage {
        let alpha = CGBitmapInfo(rawValue: CGImageAlphaInfo.last.rawValue)
        guard let space = CGColorSpace(name: CGColorSpace.sRGB),
            let provider = CGDataProvider(data: NSData(data: Data(pixels)) as CFData),
            let image = CGImage(
                width: width, height: height, bitsPerComponent: 8, bitsPerPixel: 32, bytesPerRow: width * 4,
                space: space, bitmapInfo: alpha, provider: provider, decode: nil, shouldInterpolate: true,
                intent: .defaultIntent)
        else {
            throw BadInput.noPhoto(reason: "no memory for \(height) × \(width) pixels")
        }
        return image
    }
}

/// A PNG, which keeps the alpha of a cut-out, in a temporary file to share.
///
/// - Throws: `BadInput.noPhoto`: it cannot be written.
func write(_ image: CGImage, named name: String) throws -> URL {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(name).appendingPathExtension("png")
    guard
        let target = CGImageDestinationCreateWithURL(
            NSURL(fileURLWithPath: url.path) as CFURL, NSString(string: UTType.png.identifier) as CFString, 1, nil)
    else {
        throw BadInput.noPhoto(reason: "no PNG can be written to \(url.path)")
    }
    CGImageDestinationAddImage(target, image, nil)
    guard CGImageDestinationFinalize(target) else {
        throw BadInput.noPhoto(reason: "no PNG can be written to \(url.path); is the disk full?")
    }
    return url
}
