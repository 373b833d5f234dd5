import SegPost

/// How the device is held, by where the bottom edge of a phone held upright, its home button once, is now: as the user
/// sees it, facing the screen.
enum Hold: CaseIterable, Sendable {
    case bottom, right, left, top
}

enum Side: String, Sendable {
    case back, front
}

/// How a frame, as the sensor delivers it, lies against what the user sees.
///
/// Sensors are mounted along the long edge: the back camera's frames are upright when the phone lies with its bottom to
/// the right, the front camera's when it lies with its bottom to the left. The front camera's are mirrored as well,
/// as in a mirror: what is shown is judged, so that mask and picture turn alike.
func orientation(of side: Side, held hold: Hold) -> Orientation {
    switch (side, hold) {
    case (.back, .bottom): return .right
    case (.back, .right): return .up
    case (.back, .left): return .down
    case (.back, .top): return .left
    case (.front, .bottom): return .leftMirrored
    case (.front, .right): return .downMirrored
    case (.front, .left): return .upMirrored
    case (.front, .top): return .rightMirrored
    }
}
