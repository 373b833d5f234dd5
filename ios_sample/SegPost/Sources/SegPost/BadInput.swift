import Foundation

/// A contract, photo or tensor that cannot be used as given. Its message is written for the user: what was found,
/// what was expected, what to do.
public struct BadInput: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }

    public var errorDescription: String? { description }
}

/// The product of sizes, or nil where it overflows.
func product(_ sizes: [Int]) -> Int? {
    sizes.reduce(1 as Int?) { product, size in
        guard let (partial, overflow) = product?.multipliedReportingOverflow(by: size), !overflow else { return nil }
        return partial
    }
}
