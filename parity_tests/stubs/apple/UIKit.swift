// Of UIKit: https://developer.apple.com/documentation/uikit
@_exported import Foundation

// https://developer.apple.com/documentation/uikit/uiinterfaceorientation
public enum UIInterfaceOrientation: Int, Sendable { case unknown, portrait, portraitUpsideDown, landscapeRight, landscapeLeft }

// https://developer.apple.com/documentation/uikit/uidevice
@MainActor public final class UIDevice {
    public static let current = UIDevice()
    public var systemName: String { "Linux" }
    public var systemVersion: String { "0" }
}

// https://developer.apple.com/documentation/uikit/uiscene
@MainActor open class UIScene: NSObject {}
// https://developer.apple.com/documentation/uikit/uiwindowscene/interfaceorientation
@MainActor public final class UIWindowScene: UIScene { public var interfaceOrientation: UIInterfaceOrientation { .portrait } }

// https://developer.apple.com/documentation/uikit/uiapplication/connectedscenes
@MainActor public final class UIApplication: NSObject {
    public static let shared = UIApplication()
    public var connectedScenes: Set<UIScene> { [] }
}

// Of Apple's Foundation, which Linux's lacks:
// https://developer.apple.com/documentation/foundation/nsurl/startaccessingsecurityscopedresource()
extension URL {
    public func startAccessingSecurityScopedResource() -> Bool { false }
    public func stopAccessingSecurityScopedResource() {}
}
// https://developer.apple.com/documentation/foundation/nsfilecoordinator
public final class NSFileCoordinator: NSObject {
    public struct ReadingOptions: OptionSet, Sendable {
        public let rawValue: UInt
        public init(rawValue: UInt) { self.rawValue = rawValue }
    }
    // https://developer.apple.com/documentation/foundation/nserrorpointer  There the pointer autoreleases; `&error` makes either.
    public typealias NSErrorPointer = UnsafeMutablePointer<NSError?>?
    // https://developer.apple.com/documentation/foundation/nsfilecoordinator/coordinate(readingitemat:options:error:byaccessor:)
    public func coordinate(readingItemAt url: URL, options: ReadingOptions = [], error outError: NSErrorPointer, byAccessor reader: (URL) -> Void) {
        reader(url)
    }
}
