import SegPost

/// What is drawn with a mask. A new effect is one more case, and one more line in `draw`.
enum Effect: String, CaseIterable, Identifiable, Sendable {
    case overlay, blur, cutOut = "cut-out", photo

    var id: Self { self }
}

/// What the user has set.
struct Settings: Equatable, Sendable {
    var effect = Effect.overlay
    /// The class that blur and cut-out keep; a binary student has only its foreground.
    var subject = 1
    /// Share of a new frame's logits in what is judged; 1 smooths nothing.
    var smoothing = 1.0
    var isSmooth: Bool {
        get { smoothing < 1 }
        set { smoothing = newValue ? 0.4 : 1 }
    }
    /// Pixels over which an edge fades, to either side.
    var feather = 2
    /// Pixels to either side that a blurred background is averaged over, twice.
    var radius = 12
}

/// The photo with its mask, as the effect shows it.
///
/// - Throws: `BadInput`: the mask is not of the photo's size.
func draw(_ photo: Picture, _ mask: Mask, _ contract: Contract, _ settings: Settings) throws -> Picture {
    switch settings.effect {
    case .photo: return photo
    case .overlay: return try overlay(photo, mask, classes: contract.classes.count)
    case .cutOut: return try cutOut(photo, foreground(mask, contract, settings.subject), feather: settings.feather)
    case .blur:
        let kept = try foreground(mask, contract, settings.subject)
        return try blurredBackground(photo, kept, feather: settings.feather, radius: settings.radius)
    }
}

/// 1 where the mask is of that class, 0 elsewhere.
private func foreground(_ mask: Mask, _ contract: Contract, _ subject: Int) throws -> Mask {
    guard !contract.isBinary else { return mask }
    return try Mask(height: mask.height, width: mask.width, pixels: mask.pixels.map { Int($0) == subject ? 1 : 0 })
}
