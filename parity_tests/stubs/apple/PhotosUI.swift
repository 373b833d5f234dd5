// Of PhotosUI: https://developer.apple.com/documentation/photosui/photospicker
import Foundation
import SwiftUI

// https://developer.apple.com/documentation/photosui/photospickeritem
public struct PhotosPickerItem: Equatable, Hashable, Sendable {
    // https://developer.apple.com/documentation/photosui/photospickeritem/loadtransferable(type:)
    public func loadTransferable<T: Transferable>(type: T.Type) async throws -> T? { nil }
}

// https://developer.apple.com/documentation/photosui/phpickerfilter-swift.struct
public struct PHPickerFilter: Sendable { public static let images = PHPickerFilter() }

// https://developer.apple.com/documentation/photosui/photospicker/init(_:selection:matching:preferreditemencoding:)
public struct PhotosPicker<Label: View>: View {
    public var body: Never { fatalError() }
}
extension PhotosPicker where Label == Text {
    @MainActor public init(_ titleKey: LocalizedStringKey, selection: Binding<PhotosPickerItem?>, matching filter: PHPickerFilter? = nil) {}
}
