import SegPost
import XCTest

final class EffectsTests: XCTestCase {
    private let (height, width) = (23, 31)

    private func picture(seed: UInt64 = 1) throws -> Picture {
        try noise(height * width * 3, seed: seed).withUnsafeBytes {
            Picture(try Photo($0, height: height, width: width))
        }
    }

    private func half() throws -> Mask {
        try Mask(height: height, width: width, pixels: (0..<height * width).map { $0 % width < 15 ? 1 : 0 })
    }

    func testAllForegroundStaysAsItIs() throws {
        let photo = try picture()
        let all = try Mask(height: height, width: width, pixels: [UInt8](repeating: 1, count: height * width))

        XCTAssertEqual(try blurredBackground(photo, all, feather: 2, radius: 5), photo)
        XCTAssertEqual(try cutOut(photo, all, feather: 2), photo)
    }

    func testNoForegroundIsBlurredUntouchedAndSeenThrough() throws {
        let photo = try picture()
        let none = try Mask(height: height, width: width)

        XCTAssertNotEqual(try blurredBackground(photo, none, feather: 0, radius: 1), photo)
        XCTAssertEqual(try blurredBackground(photo, none, feather: 0, radius: 0), photo)
        XCTAssertEqual(try overlay(photo, none, classes: 1), photo)
        XCTAssertEqual(Set(try alpha(none, feather: 3)), [0])
    }

    func testABlurWiderThanThePhotoIsOneColour() throws {
        let blurred = try blurredBackground(
            picture(), Mask(height: height, width: width), feather: .max, radius: .max)

        XCTAssertEqual(Set(stride(from: 0, to: blurred.pixels.count, by: 4).map { Array(blurred.pixels[$0..<$0 + 4]) }).count, 1)
    }

    func testAnotherBackgroundIsSeenWhereTheForegroundIsNot() throws {
        let (photo, background) = (try picture(), try picture(seed: 2))
        let mixed = try composed(photo, background, alpha(half(), feather: 0))

        for pixel in 0..<height * width {
            let expected = pixel % width < 15 ? photo : background
            XCTAssertEqual(mixed.pixels[pixel * 4..<pixel * 4 + 4], expected.pixels[pixel * 4..<pixel * 4 + 4])
        }
    }

    func testWhatIsNoClassStaysAsItIs() throws {
        let photo = try picture()
        let unjudged = try Mask(height: height, width: width, pixels: [UInt8](repeating: 255, count: height * width))

        XCTAssertEqual(try overlay(photo, unjudged, classes: 2), photo)
        XCTAssertNotEqual(try overlay(photo, unjudged, classes: 256), photo)
    }

    func testTheFirstFrameAndRateOneAreTheLogitsThemselves() throws {
        XCTAssertEqual(try smoothed(nil, [1, 2], rate: 0.25), [1, 2])
        XCTAssertEqual(try smoothed([5, 6], [1, 2], rate: 1), [1, 2])
        XCTAssertEqual(try smoothed([5, 6], [1, 2], rate: 0.25), [4, 5])
    }

    func testWhatDoesNotFitIsRefused() throws {
        let photo = try picture(), mask = try half(), other = try Mask(height: width, width: height)
        assertRefused("the mask is 31 × 23, its photo 23 × 31") { try overlay(photo, other, classes: 1) }
        assertRefused("the mask is 31 × 23") { try cutOut(photo, other, feather: 0) }
        assertRefused("the mask is 31 × 23") { try blurredBackground(photo, other, feather: 0, radius: 1) }
        assertRefused("feather is -1") { try cutOut(photo, mask, feather: -1) }
        assertRefused("radius is -1") { try blurredBackground(photo, mask, feather: 0, radius: -1) }
        assertRefused("found 0 classes") { try overlay(photo, mask, classes: 0) }
        assertRefused("its cover 3 pixels") { try composed(photo, photo, [0, 0, 0]) }
        assertRefused("rate is 0.0") { try smoothed([1], [1], rate: 0) }
        assertRefused("rate is nan") { try smoothed([1], [1], rate: .nan) }
        assertRefused("the frame before has 2 logits, this one 1") { try smoothed([1, 2], [1], rate: 0.5) }
        assertRefused("11 bytes are no picture") { try Picture(height: 1, width: 3, pixels: noise(11)) }
        assertRefused("5 pixels are no mask of 2 × 3") { try Mask(height: 2, width: 3, pixels: noise(5)) }
    }
}
