// Of Uniform Type Identifiers: https://developer.apple.com/documentation/uniformtypeidentifiers/uttype-swift.struct
public struct UTType: Hashable, Sendable {
    public let identifier: String
    public static let png = UTType(identifier: "public.png")
    public static let package = UTType(identifier: "com.apple.package")
    public static let folder = UTType(identifier: "public.folder")
    public static let data = UTType(identifier: "public.data")
}
