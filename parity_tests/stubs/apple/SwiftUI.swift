// Of SwiftUI: https://developer.apple.com/documentation/swiftui  Types alone: nothing is ever drawn.
@_exported import Combine
import CoreGraphics
@_exported import Foundation
import UniformTypeIdentifiers

// https://developer.apple.com/documentation/swiftui/view
@MainActor @preconcurrency public protocol View {
    associatedtype Body: View
    @ViewBuilder var body: Body { get }
}
extension Never: View { public var body: Never { fatalError() } }
extension View { func made() -> some View { Made() } }
/// What stands for every modified view.
public struct Made: View { public var body: Never { fatalError() } }
extension Optional: View where Wrapped: View { public var body: Never { fatalError() } }

// https://developer.apple.com/documentation/swiftui/viewbuilder
@resultBuilder public enum ViewBuilder {
    public static func buildBlock() -> Made { Made() }
    public static func buildBlock<Content: View>(_ content: Content) -> Content { content }
    public static func buildBlock<each Content: View>(_ content: repeat each Content) -> Made { Made() }
    public static func buildIf<Content: View>(_ content: Content?) -> Content? { content }
    public static func buildEither<First: View>(first: First) -> Made { Made() }
    public static func buildEither<Second: View>(second: Second) -> Made { Made() }
}

// https://developer.apple.com/documentation/swiftui/app  https://developer.apple.com/documentation/swiftui/scene  https://developer.apple.com/documentation/swiftui/windowgroup/init(content:)
@MainActor @preconcurrency public protocol App {
    associatedtype Body: Scene
    @SceneBuilder var body: Body { get }
    init()
}
extension App { public static func main() {} }
@MainActor @preconcurrency public protocol Scene {}
@resultBuilder public enum SceneBuilder { public static func buildBlock<Content: Scene>(_ content: Content) -> Content { content } }
public struct WindowGroup<Content: View>: Scene { public init(@ViewBuilder content: () -> Content) {} }

// https://developer.apple.com/documentation/swiftui/state  https://developer.apple.com/documentation/swiftui/binding  https://developer.apple.com/documentation/swiftui/stateobject  https://developer.apple.com/documentation/swiftui/environment
@dynamicMemberLookup @propertyWrapper public struct Binding<Value> {
    public subscript<Subject>(dynamicMember keyPath: WritableKeyPath<Value, Subject>) -> Binding<Subject> { Binding<Subject>() }
    public var wrappedValue: Value { get { fatalError() } nonmutating set {} }
    public var projectedValue: Binding<Value> { self }
    public init() {}
}
@propertyWrapper public struct State<Value> {
    public init(wrappedValue: Value) {}
    public var wrappedValue: Value { get { fatalError() } nonmutating set {} }
    public var projectedValue: Binding<Value> { Binding() }
}
extension State where Value: ExpressibleByNilLiteral { public init() {} }
@MainActor @preconcurrency @propertyWrapper public struct StateObject<ObjectType: ObservableObject> {
    public init(wrappedValue thunk: @autoclosure @escaping () -> ObjectType) {}
    public var wrappedValue: ObjectType { fatalError() }
    public var projectedValue: ObservedObject<ObjectType>.Wrapper { ObservedObject<ObjectType>.Wrapper() }
}
public enum ObservedObject<ObjectType: ObservableObject> {
    @MainActor @preconcurrency @dynamicMemberLookup public struct Wrapper {
        public subscript<Subject>(dynamicMember keyPath: ReferenceWritableKeyPath<ObjectType, Subject>) -> Binding<Subject> { Binding() }
    }
}
@propertyWrapper public struct Environment<Value> {
    public init(_ keyPath: KeyPath<EnvironmentValues, Value>) {}
    public var wrappedValue: Value { fatalError() }
}
public struct EnvironmentValues { public var scenePhase: ScenePhase { .active } }
// https://developer.apple.com/documentation/swiftui/scenephase
public enum ScenePhase: Sendable { case background, inactive, active }

// https://developer.apple.com/documentation/swiftui/localizedstringkey
public struct LocalizedStringKey: ExpressibleByStringInterpolation, Equatable { public init(stringLiteral value: String) {} }

// https://developer.apple.com/documentation/swiftui/text
public struct Text: View, Equatable {
    public init(_ key: LocalizedStringKey) {}
    @_disfavoredOverload public init<S: StringProtocol>(_ content: S) {}
    public func font(_ font: Font?) -> Text { self }
    public var body: Never { fatalError() }
}
// https://developer.apple.com/documentation/swiftui/font
public struct Font: Hashable, Sendable {
    public static let headline = Font(), callout = Font(), caption = Font()
    public func monospacedDigit() -> Font { self }
}

// https://developer.apple.com/documentation/swiftui/image/init(decorative:scale:orientation:)
public struct Image: View {
    // https://developer.apple.com/documentation/swiftui/image/orientation
    public enum Orientation: UInt8, Sendable { case up }
    public init(decorative cgImage: CGImage, scale: CGFloat, orientation: Image.Orientation = .up) {}
    // https://developer.apple.com/documentation/swiftui/image/resizable(capinsets:resizingmode:)
    public func resizable() -> Image { self }
    public var body: Never { fatalError() }
}
// https://developer.apple.com/documentation/swiftui/color
public struct Color: View, Hashable, Sendable {
    public static let gray = Color(), yellow = Color()
    public func opacity(_ opacity: Double) -> Color { self }
    public var body: Never { fatalError() }
}

// https://developer.apple.com/documentation/swiftui/alignment  https://developer.apple.com/documentation/swiftui/horizontalalignment  https://developer.apple.com/documentation/swiftui/verticalalignment
public struct Alignment: Equatable, Sendable { public static let center = Alignment() }
public struct HorizontalAlignment: Equatable, Sendable { public static let center = HorizontalAlignment(), leading = HorizontalAlignment() }
public struct VerticalAlignment: Equatable, Sendable { public static let center = VerticalAlignment(), top = VerticalAlignment() }

// https://developer.apple.com/documentation/swiftui/vstack  https://developer.apple.com/documentation/swiftui/hstack  https://developer.apple.com/documentation/swiftui/zstack  https://developer.apple.com/documentation/swiftui/spacer
public struct VStack<Content: View>: View {
    public init(alignment: HorizontalAlignment = .center, spacing: CGFloat? = nil, @ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError() }
}
public struct HStack<Content: View>: View {
    public init(alignment: VerticalAlignment = .center, spacing: CGFloat? = nil, @ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError() }
}
public struct ZStack<Content: View>: View {
    public init(alignment: Alignment = .center, @ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError() }
}
public struct Spacer: View {
    public init(minLength: CGFloat? = nil) {}
    public var body: Never { fatalError() }
}
// https://developer.apple.com/documentation/swiftui/navigationstack/init(root:)
public struct NavigationStack<Root: View>: View {
    public init(@ViewBuilder root: () -> Root) {}
    public var body: Never { fatalError() }
}
// https://developer.apple.com/documentation/swiftui/foreach
public struct ForEach<Data: RandomAccessCollection, ID: Hashable, Content: View>: View {
    public init(_ data: Data, id: KeyPath<Data.Element, ID>, @ViewBuilder content: @escaping (Data.Element) -> Content) {}
    public var body: Never { fatalError() }
}
extension ForEach where ID == Data.Element.ID, Data.Element: Identifiable {
    public init(_ data: Data, @ViewBuilder content: @escaping (Data.Element) -> Content) {}
}
// https://developer.apple.com/documentation/swiftui/button/init(_:action:)
public struct Button<Label: View>: View { public var body: Never { fatalError() } }
extension Button where Label == Text {
    public init(_ titleKey: LocalizedStringKey, action: @escaping @MainActor () -> Void) {}
    @_disfavoredOverload public init<S: StringProtocol>(_ title: S, action: @escaping @MainActor () -> Void) {}
}
// https://developer.apple.com/documentation/swiftui/toggle/init(_:ison:)
public struct Toggle<Label: View>: View { public var body: Never { fatalError() } }
extension Toggle where Label == Text { public init(_ titleKey: LocalizedStringKey, isOn: Binding<Bool>) {} }
// https://developer.apple.com/documentation/swiftui/menu/init(_:content:)
public struct Menu<Label: View, Content: View>: View { public var body: Never { fatalError() } }
extension Menu where Label == Text { public init(_ titleKey: LocalizedStringKey, @ViewBuilder content: () -> Content) {} }
// https://developer.apple.com/documentation/swiftui/picker/init(_:selection:content:)
public struct Picker<Label: View, SelectionValue: Hashable, Content: View>: View { public var body: Never { fatalError() } }
extension Picker where Label == Text {
    public init(_ titleKey: LocalizedStringKey, selection: Binding<SelectionValue>, @ViewBuilder content: () -> Content) {}
}
// https://developer.apple.com/documentation/swiftui/pickerstyle/segmented
@MainActor @preconcurrency public protocol PickerStyle {}
public struct SegmentedPickerStyle: PickerStyle {}
extension PickerStyle where Self == SegmentedPickerStyle { public static var segmented: SegmentedPickerStyle { SegmentedPickerStyle() } }
// https://developer.apple.com/documentation/swiftui/progressview
public struct ProgressView<Label: View>: View { public var body: Never { fatalError() } }
extension ProgressView where Label == Never { public init() {} }
extension ProgressView where Label == Text { public init(_ titleKey: LocalizedStringKey) {} }
// https://developer.apple.com/documentation/coretransferable/transferable  https://developer.apple.com/documentation/swiftui/sharelink/init(_:item:subject:message:)
public protocol Transferable {}
extension Data: Transferable {}
extension URL: Transferable {}
public struct ShareLink: View { public var body: Never { fatalError() } }
extension ShareLink { public init(_ titleKey: LocalizedStringKey, item: URL) {} }

// https://developer.apple.com/documentation/swiftui/toolbaritem  https://developer.apple.com/documentation/swiftui/toolbaritemplacement
@MainActor @preconcurrency public protocol ToolbarContent {}
public struct ToolbarItemPlacement: Sendable { public static let automatic = ToolbarItemPlacement() }
public struct ToolbarItem<Content: View>: ToolbarContent {
    public init(placement: ToolbarItemPlacement = .automatic, @ViewBuilder content: () -> Content) {}
}
@resultBuilder public enum ToolbarContentBuilder {
    public static func buildBlock<Content: ToolbarContent>(_ content: Content) -> Content { content }
}
// https://developer.apple.com/documentation/swiftui/textselectability/enabled
public protocol TextSelectability {}
public struct EnabledTextSelectability: TextSelectability {}
extension TextSelectability where Self == EnabledTextSelectability { public static var enabled: EnabledTextSelectability { EnabledTextSelectability() } }

extension View {
    // https://developer.apple.com/documentation/swiftui/view/frame(minwidth:idealwidth:maxwidth:minheight:idealheight:maxheight:alignment:)
    public func frame(maxWidth: CGFloat? = nil, maxHeight: CGFloat? = nil, alignment: Alignment = .center) -> some View { made() }
    // https://developer.apple.com/documentation/swiftui/view/padding(_:)-68shk
    public func padding(_ length: CGFloat) -> some View { made() }
    // https://developer.apple.com/documentation/swiftui/view/background(_:alignment:)
    public func background<Background: View>(_ background: Background) -> some View { made() }
    // https://developer.apple.com/documentation/swiftui/view/font(_:)
    public func font(_ font: Font?) -> some View { made() }
    // https://developer.apple.com/documentation/swiftui/view/scaledtofit()
    public func scaledToFit() -> some View { made() }
    // https://developer.apple.com/documentation/swiftui/view/tag(_:)
    public func tag<V: Hashable>(_ tag: V) -> some View { made() }
    // https://developer.apple.com/documentation/swiftui/view/pickerstyle(_:)
    public func pickerStyle<S: PickerStyle>(_ style: S) -> some View { made() }
    // https://developer.apple.com/documentation/swiftui/view/textselection(_:)
    public func textSelection<S: TextSelectability>(_ selectability: S) -> some View { made() }
    // https://developer.apple.com/documentation/swiftui/view/navigationtitle(_:)-avgj
    public func navigationTitle(_ titleKey: LocalizedStringKey) -> some View { made() }
    // https://developer.apple.com/documentation/swiftui/view/toolbar(content:)-5w0tj
    public func toolbar<Content: ToolbarContent>(@ToolbarContentBuilder content: () -> Content) -> some View { made() }
    // https://developer.apple.com/documentation/swiftui/view/task(priority:_:)
    public func task(priority: TaskPriority = .userInitiated, _ action: @escaping @MainActor @Sendable () async -> Void) -> some View { made() }
    // https://developer.apple.com/documentation/swiftui/view/onchange(of:perform:)
    public func onChange<V: Equatable>(of value: V, perform action: @escaping (_ newValue: V) -> Void) -> some View { made() }
    // https://developer.apple.com/documentation/swiftui/view/sheet(ispresented:ondismiss:content:)
    public func sheet<Content: View>(isPresented: Binding<Bool>, onDismiss: (() -> Void)? = nil, @ViewBuilder content: @escaping () -> Content) -> some View { made() }
    // https://developer.apple.com/documentation/swiftui/view/fileimporter(ispresented:allowedcontenttypes:oncompletion:)
    public func fileImporter(isPresented: Binding<Bool>, allowedContentTypes: [UTType], onCompletion: @escaping (_ result: Result<URL, any Error>) -> Void) -> some View { made() }
}
