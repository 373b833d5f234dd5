import Foundation

/// Everything that a caller must know to run a student: sizes and conventions that every form of it shares.
///
/// Read from the JSON that each artefact carries. A contract that this version does not fully understand is refused:
/// a mask computed under half a contract looks plausible and is wrong.
public struct Contract: Equatable, Sendable {
    /// Rows of the input, in pixels.
    public let height: Int
    /// Columns of the input, in pixels.
    public let width: Int
    /// Input pixels per logit along each axis; above 1, upsampling is left to `postprocess`.
    public let stride: Int
    /// One name: a binary student with one channel of logits. More: one channel each, the mask is their argmax.
    public let classes: [String]
    /// Binary students: a pixel is foreground where its upsampled logit is above this.
    public let threshold: Double
    /// Binary students: side in pixels of the ellipse that the mask is opened with; 0 or 1 leaves it alone.
    public let open: Int

    public static let schema = 1
    public static let strides = [1, 2, 4, 8, 16]
    static let widestOpen = 9999

    /// What a model calls its tensors; the contract says so too, and is refused where it says otherwise.
    public static let input = "image"
    public static let output = "logits"

    /// - Throws: `BadInput` for what no student can have.
    public init(
        height: Int, width: Int, stride: Int, classes: [String], threshold: Double = 0, open: Int = 0
    ) throws {
        self.height = height
        self.width = width
        self.stride = stride
        self.classes = classes
        self.threshold = threshold
        self.open = open
        try check()
    }

    /// Whether one channel of logits is compared with the threshold.
    public var isBinary: Bool { classes.count == 1 }

    /// Rows, columns, RGB of the input that `preprocess` makes.
    public var inputShape: [Int] { [height, width, 3] }

    /// Channels, rows, columns of the logits.
    public var logitsShape: [Int] { [classes.count, height / stride, width / stride] }

    private func check() throws {
        guard Self.strides.contains(stride) else {
            throw BadInput("stride \(stride) is unknown; expected one of \(Self.strides)")
        }
        for (side, length) in [("height", height), ("width", width)] where length < stride || length % stride != 0 {
            let smaller = max(length - length % stride, stride)
            throw BadInput("\(side) \(length) is not a multiple of stride \(stride); use \(smaller) or \(smaller + stride)")
        }
        guard product(inputShape) != nil, product(logitsShape) != nil else {
            throw BadInput("height \(height) × width \(width) is more than memory can address")
        }
        guard !classes.isEmpty, !classes.contains(""), Set(classes).count == classes.count else {
            throw BadInput("classes \(classes) must be one or more names, each its own")
        }
        guard open >= 0, open < 2 || open % 2 == 1 else {
            throw BadInput("open \(open) must be 0 or odd, so that its ellipse has a centre; use \(max(open + 1, 0))")
        }
        guard open <= Self.widestOpen else {
            throw BadInput("open \(open) is wider than any photo, expected at most \(Self.widestOpen)")
        }
        guard threshold.isFinite else { throw BadInput("threshold \(threshold) must be a finite number") }
        guard isBinary || (open < 2 && threshold == 0) else {
            throw BadInput("threshold and open are for binary students; with several classes the argmax decides")
        }
    }
}

// MARK: - JSON

extension Contract {
    /// Read what an artefact carries.
    ///
    /// - Throws: `BadInput`: not JSON, of another schema, or with a convention, field or type other than ours.
    public init(json: Data) throws {
        do {
            self = try JSONDecoder().decode(Contract.self, from: json)
        } catch let DecodingError.dataCorrupted(context) where context.codingPath.isEmpty {
            throw BadInput("contract is not JSON, or has a fraction for a whole number: \(context.debugDescription)")
        } catch let DecodingError.typeMismatch(_, context), let DecodingError.valueNotFound(_, context),
            let DecodingError.dataCorrupted(context)
        {
            let path = context.codingPath.isEmpty ? "its top" : context.codingPath.map(\.stringValue).joined(separator: ".")
            throw BadInput("contract has another type than expected at \(path): \(context.debugDescription)")
        }
    }

    public init(json: String) throws {
        try self.init(json: Data(json.utf8))
    }
}

extension Contract: Codable {
    private enum Field: String, CaseIterable {
        case schema, input, output, colour, range, resize, upsample
        case height, width, stride, classes, threshold, open
    }

    /// Any key at all, so that those which are not ours are seen and refused.
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { return nil }
        init(_ field: Field) { stringValue = field.rawValue }
    }

    /// What every student promises, spelled out so that anything else can be refused.
    private static let conventions: [(Field, String)] = [
        (.input, input),
        (.output, output),
        (.colour, "rgb"),
        (.resize, "stretch-bilinear-half-pixel"),
        (.upsample, "bilinear-half-pixel"),
    ]
    private static let range = [0, 255]

    public init(from decoder: Decoder) throws {
        let object = try decoder.container(keyedBy: Key.self)
        // Before all else: the fields of a newer schema are not for this version to judge.
        if object.contains(Key(.schema)) {
            let schema = try object.decode(Int.self, forKey: Key(.schema))
            guard schema == Self.schema else {
                let advice = schema > Self.schema ? "update the app" : "export the model anew"
                throw BadInput("contract has schema \(schema), this version expects \(Self.schema): \(advice)")
            }
        }
        let found = Set(object.allKeys.map(\.stringValue)), expected = Set(Field.allCases.map(\.rawValue))
        guard found == expected else {
            let missing = expected.subtracting(found).sorted(), unknown = found.subtracting(expected).sorted()
            throw BadInput("contract lacks fields \(missing) and has unknown fields \(unknown): export the model anew")
        }
        for (field, expected) in Self.conventions {
            let found = try object.decode(String.self, forKey: Key(field))
            guard found == expected else {
                throw BadInput("contract has \(field) \"\(found)\", this version expects \"\(expected)\"")
            }
        }
        let range = try object.decode([Int].self, forKey: Key(.range))
        guard range == Self.range else {
            throw BadInput("contract has range \(range), this version expects \(Self.range)")
        }
        try self.init(
            height: object.decode(Int.self, forKey: Key(.height)),
            width: object.decode(Int.self, forKey: Key(.width)),
            stride: object.decode(Int.self, forKey: Key(.stride)),
            classes: object.decode([String].self, forKey: Key(.classes)),
            threshold: object.decode(Double.self, forKey: Key(.threshold)),
            open: object.decode(Int.self, forKey: Key(.open))
        )
    }

    public func encode(to encoder: Encoder) throws {
        var object = encoder.container(keyedBy: Key.self)
        try object.encode(Self.schema, forKey: Key(.schema))
        for (field, value) in Self.conventions { try object.encode(value, forKey: Key(field)) }
        try object.encode(Self.range, forKey: Key(.range))
        try object.encode(height, forKey: Key(.height))
        try object.encode(width, forKey: Key(.width))
        try object.encode(stride, forKey: Key(.stride))
        try object.encode(classes, forKey: Key(.classes))
        try object.encode(threshold, forKey: Key(.threshold))
        try object.encode(open, forKey: Key(.open))
    }
}
