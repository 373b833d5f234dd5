import CoreGraphics
import CoreVideo
import Foundation
import SegPost

/// What the screen shows of one photo. An image never changes once it is made, hence `Sendable`.
struct Shown: @unchecked Sendable {
    let image: CGImage
    let times: Times
}

/// From a photo to what the screen shows: one at a time, on one queue, off the main actor.
///
/// A camera drops the frames that come while it works, and a screen that falls behind finds the newest alone, so that
/// nothing piles up however slow the model is. All but `queue` and `shown` is touched on `queue` only, hence `Sendable`.
final class Pipeline: @unchecked Sendable {
    /// Each frame's Objective-C temporaries go with it.
    let queue = DispatchQueue(label: "pocketmask.pipeline", qos: .userInitiated, autoreleaseFrequency: .workItem)
    let shown: AsyncStream<Result<Shown, any Error>>
    private let send: AsyncStream<Result<Shown, any Error>>.Continuation
    private var segmenter: Segmenter?
    private var settings = Settings()
    private var hold = Hold.bottom
    /// Of the last frame: another camera, or a turned device, sees something else.
    private var seen: Orientation?
    private var still: Picture?
    private var mask: Mask?

    init() {
        (shown, send) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// In place of the one before, which goes, and its compiled model with it.
    func use(_ segmenter: Segmenter) {
        queue.async {
            self.segmenter = segmenter
            self.showStill()
        }
    }

    func set(_ settings: Settings) {
        queue.async {
            self.settings = settings
            self.showStill()
        }
    }

    func set(_ hold: Hold) {
        queue.async { self.hold = hold }
    }

    /// A picked photo, as the bytes of its file; nil goes back to the camera.
    func set(photo file: Data?) {
        queue.async {
            do {
                self.still = try file.map(Picture.init(file:))
                self.showStill()
            } catch { self.send.yield(.failure(error)) }
        }
    }

    /// A camera's frame; on `queue`.
    func receive(_ frame: CVPixelBuffer, from side: Side) {
        guard still == nil, let segmenter else { return }
        let orientation = orientation(of: side, held: hold)
        if orientation != seen { segmenter.forget() }
        seen = orientation
        CVPixelBufferLockBaseAddress(frame, .readOnly)
        defer { CVPixelBufferUnlockBaseAddress(frame, .readOnly) }
        let (height, bytesPerRow) = (CVPixelBufferGetHeight(frame), CVPixelBufferGetBytesPerRow(frame))
        let pixels = UnsafeRawBufferPointer(start: CVPixelBufferGetBaseAddress(frame), count: height * bytesPerRow)
        send.yield(Result {
            let photo = try Photo(
                pixels, height: height, width: CVPixelBufferGetWidth(frame), bytesPerRow: bytesPerRow, format: .bgra,
                orientation: orientation)
            return try show(photo, smoothing: settings.smoothing)
        })
    }

    private func showStill() {
        guard let still, segmenter != nil else { return }
        send.yield(Result {
            try still.pixels.withUnsafeBytes {
                try show(Photo($0, height: still.height, width: still.width, format: .rgba), smoothing: 1)
            }
        })
    }

    private func show(_ photo: Photo, smoothing: Double) throws -> Shown {
        guard let segmenter else { throw BadInput.noModel }
        // Taken out while it is written to, or Swift would copy it.
        var mask = try reused(height: photo.height, width: photo.width)
        var times = try segmenter.segment(photo, smoothing: smoothing, into: &mask)
        var clock = Stopwatch()
        let image = try draw(Picture(photo), mask, segmenter.contract, settings).image()
        times.draw = clock.lap()
        self.mask = mask
        return Shown(image: image, times: times)
    }

    private func reused(height: Int, width: Int) throws -> Mask {
        defer { mask = nil }
        if let mask, mask.height == height, mask.width == width { return mask }
        return try Mask(height: height, width: width)
    }
}
