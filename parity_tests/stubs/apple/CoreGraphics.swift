// Of Core Graphics, what ios_sample/Pocketmask uses: signatures as documented, bodies that do as little as possible.
// https://developer.apple.com/documentation/coregraphics
@_exported import Foundation

// Core Foundation's types, as which the others take their arguments; elsewhere bridged, here the same.
// https://developer.apple.com/documentation/corefoundation/cfdata-rv9
public typealias CFData = NSData
public typealias CFDictionary = NSDictionary
public typealias CFString = NSString
public typealias CFURL = NSURL
public class CFAllocator {}

// https://developer.apple.com/documentation/coregraphics/cgimagealphainfo
public enum CGImageAlphaInfo: UInt32, Sendable {
    case none, premultipliedLast, premultipliedFirst, last, first, noneSkipLast, noneSkipFirst, alphaOnly
}

// https://developer.apple.com/documentation/coregraphics/cgbitmapinfo
public struct CGBitmapInfo: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

// https://developer.apple.com/documentation/coregraphics/cgcolorrenderingintent
public enum CGColorRenderingIntent: Int32, Sendable { case defaultIntent }

// https://developer.apple.com/documentation/coregraphics/cgcolorspace/init(name:)  https://developer.apple.com/documentation/coregraphics/cgcolorspace/srgb
public final class CGColorSpace {
    public static let sRGB: CFString = NSString(string: "kCGColorSpaceSRGB")
    public init?(name: CFString) {}
}

// https://developer.apple.com/documentation/coregraphics/cgdataprovider/init(data:)
public final class CGDataProvider {
    public init?(data: CFData) {}
}

// https://developer.apple.com/documentation/coregraphics/cgimage/init(width:height:bitspercomponent:bitsperpixel:bytesperrow:space:bitmapinfo:provider:decode:shouldinterpolate:intent:)
public final class CGImage {
    public let width: Int
    public let height: Int
    public init?(
        width: Int, height: Int, bitsPerComponent: Int, bitsPerPixel: Int, bytesPerRow: Int, space: CGColorSpace,
        bitmapInfo: CGBitmapInfo, provider: CGDataProvider, decode: UnsafePointer<CGFloat>?, shouldInterpolate: Bool,
        intent: CGColorRenderingIntent
    ) {
        self.width = width
        self.height = height
    }
}

// https://developer.apple.com/documentation/coregraphics/cgcontext/init(data:width:height:bitspercomponent:bytesperrow:space:bitmapinfo:)
// https://developer.apple.com/documentation/coregraphics/cgcontext/draw(_:in:bytiling:)
public final class CGContext {
    public init?(
        data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int, bytesPerRow: Int,
        space: CGColorSpace, bitmapInfo: UInt32
    ) {}
    public func draw(_ image: CGImage, in rect: CGRect, byTiling: Bool = false) {}
}
