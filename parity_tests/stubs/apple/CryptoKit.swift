// Of CryptoKit: https://developer.apple.com/documentation/cryptokit/sha256  The digest is a real one, FIPS 180-4, so that digests are compared here.
import Foundation

public struct SHA256Digest: Sequence, Sendable {
    let bytes: [UInt8]
    public func makeIterator() -> Array<UInt8>.Iterator { bytes.makeIterator() }
}

public struct SHA256 {
    // https://developer.apple.com/documentation/cryptokit/hashfunction/digest
    public typealias Digest = SHA256Digest
    private var state: [UInt32] = Self.roots(2, count: 8)
    private var rest = [UInt8]()
    private var length: UInt64 = 0

    public init() {}

    // https://developer.apple.com/documentation/cryptokit/hashfunction/hash(data:)
    public static func hash<D: DataProtocol>(data: D) -> Digest {
        var one = SHA256()
        one.update(data: data)
        return one.finalize()
    }

    // https://developer.apple.com/documentation/cryptokit/hashfunction/update(data:)
    public mutating func update<D: DataProtocol>(data: D) {
        length += UInt64(data.count)
        rest += data
        var start = 0
        while rest.count - start >= 64 {
            absorb(start)
            start += 64
        }
        rest.removeFirst(start)
    }

    // https://developer.apple.com/documentation/cryptokit/hashfunction/finalize()
    public func finalize() -> Digest {
        var last = self
        last.rest += [0x80] + [UInt8](repeating: 0, count: (119 - Int(length % 64)) % 64)
        last.rest += (0..<8).map { UInt8(truncatingIfNeeded: (length * 8) >> (56 - 8 * UInt64($0))) }
        for start in stride(from: 0, to: last.rest.count, by: 64) { last.absorb(start) }
        return SHA256Digest(bytes: last.state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } })
    }

    private static let rounds = roots(3, count: 64)

    /// The first 32 bits behind the point of the square (2) or cube (3) roots of the first primes.
    private static func roots(_ degree: Double, count: Int) -> [UInt32] {
        let primes = (2...).lazy.filter { number in !(2..<number).contains { number % $0 == 0 } }.prefix(count)
        return primes.map { prime in
            // Float64 has the 32 bits, but pow may err in the last ones it has: more than enough remain.
            let root = degree == 2 ? Double(prime).squareRoot() : cbrt(Double(prime))
            return UInt32((root - root.rounded(.down)) * 0x1p32)
        }
    }

    private mutating func absorb(_ start: Int) {
        func turned(_ word: UInt32, _ bits: UInt32) -> UInt32 { word >> bits | word << (32 - bits) }
        var words = (0..<16).map { word in (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(rest[start + 4 * word + $1]) } }
        for index in 16..<64 {
            let (old, new) = (words[index - 15], words[index - 2])
            let low = turned(old, 7) ^ turned(old, 18) ^ old >> 3, high = turned(new, 17) ^ turned(new, 19) ^ new >> 10
            words.append(words[index - 16] &+ low &+ words[index - 7] &+ high)
        }
        var v = state
        for index in 0..<64 {
            let choice = (v[4] & v[5]) ^ (~v[4] & v[6]), most = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])
            let high = turned(v[4], 6) ^ turned(v[4], 11) ^ turned(v[4], 25)
            let low = turned(v[0], 2) ^ turned(v[0], 13) ^ turned(v[0], 22)
            let first = v[7] &+ high &+ choice &+ Self.rounds[index] &+ words[index]
            v = [first &+ low &+ most, v[0], v[1], v[2], v[3] &+ first, v[4], v[5], v[6]]
        }
        for index in 0..<8 { state[index] &+= v[index] }
    }
}
