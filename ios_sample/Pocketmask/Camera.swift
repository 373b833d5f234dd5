import AVFoundation
import CoreMedia
import CoreVideo
import SegPost

/// Frames of the back or front camera, as the sensor delivers them.
///
/// The session is touched on `control` only, since starting and stopping it blocks; frames come on the queue of whoever
/// asked for them. That is what makes it `Sendable`.
final class Camera: NSObject, @unchecked Sendable {
    /// Called for each frame, with the camera that took it. While it runs, further frames are dropped, not kept waiting.
    typealias Receiver = @Sendable (CVPixelBuffer, Side) -> Void

    private let session = AVCaptureSession()
    private let output = AVCaptureVideoDataOutput()
    private let control = DispatchQueue(label: "pocketmask.camera")
    private let queue: DispatchQueue
    private let receive: Receiver
    /// What the session is set up for, on `control`.
    private var configured: Side?
    /// Of the frames on `queue`, which may come for a moment after the session has changed cameras.
    private var side = Side.back

    init(queue: DispatchQueue, receive: @escaping Receiver) {
        self.queue = queue
        self.receive = receive
    }

    /// Asks for permission if need be, and starts.
    ///
    /// - Throws: `BadInput.cameraRefused`, `BadInput.noCamera`, `CancellationError`, or what AVFoundation says.
    func start(_ side: Side) async throws {
        guard await AVCaptureDevice.requestAccess(for: .video) else { throw BadInput.cameraRefused }
        // The user may think for long, and meanwhile pick a photo.
        try Task.checkCancellation()
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            control.async {
                done.resume(
                    with: Result {
                        if side != self.configured { try self.configure(side) }
                        self.session.startRunning()
                    })
            }
        }
    }

    func stop() {
        control.async { self.session.stopRunning() }
    }

    private func configure(_ side: Side) throws {
        let position: AVCaptureDevice.Position = side == .back ? .back : .front
        guard let device = AVCaptureDevice.default(.builtInWideAngleCamera, for: .video, position: position) else {
            throw BadInput.noCamera(side: side.rawValue)
        }
        let input = try AVCaptureDeviceInput(device: device)
        session.beginConfiguration()
        defer { session.commitConfiguration() }
        configured = nil
        for old in session.inputs { session.removeInput(old) }
        if session.outputs.isEmpty {
            guard session.canAddOutput(output) else { throw BadInput.noCamera(side: side.rawValue) }
            output.videoSettings = [kCVPixelBufferPixelFormatTypeKey as String: kCVPixelFormatType_32BGRA]
            output.alwaysDiscardsLateVideoFrames = true
            output.setSampleBufferDelegate(self, queue: queue)
            session.addOutput(output)
        }
        guard session.canAddInput(input) else { throw BadInput.noCamera(side: side.rawValue) }
        session.addInput(input)
        // Set with the camera in place, or it would be judged by none; a camera that lacks it keeps its own size.
        if session.canSetSessionPreset(.hd1280x720) { session.sessionPreset = .hd1280x720 }
        // Frames stay as the sensor has them; turning and mirroring them is a way of walking through memory (`Photo`).
        if let connection = output.connection(with: .video), connection.isVideoMirroringSupported {
            connection.automaticallyAdjustsVideoMirroring = false
            connection.isVideoMirrored = false
        }
        configured = side
        queue.async { self.side = side }
    }
}

extension Camera: AVCaptureVideoDataOutputSampleBufferDelegate {
    func captureOutput(
        _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer, from connection: AVCaptureConnection
    ) {
        guard let frame = CMSampleBufferGetImageBuffer(sampleBuffer) else { return }
        receive(frame, side)
    }
}
