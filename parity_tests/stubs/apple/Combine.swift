// Of Combine: https://developer.apple.com/documentation/combine/observableobject  https://developer.apple.com/documentation/combine/published
public protocol ObservableObject: AnyObject {}

@propertyWrapper
public struct Published<Value> {
    public var wrappedValue: Value
    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
}
