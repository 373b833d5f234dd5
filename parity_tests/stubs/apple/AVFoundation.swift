// Of AVFoundation: https://developer.apple.com/documentation/avfoundation  No camera here: nothing is ever delivered.
import CoreMedia
@_exported import Foundation

// https://developer.apple.com/documentation/avfoundation/avmediatype
public struct AVMediaType: Hashable, Sendable { public static let video = AVMediaType() }

// https://developer.apple.com/documentation/avfoundation/avcapturedevice
public final class AVCaptureDevice: NSObject {
    // https://developer.apple.com/documentation/avfoundation/avcapturedevice/position-swift.enum
    public enum Position: Int, Sendable { case unspecified, back, front }
    // https://developer.apple.com/documentation/avfoundation/avcapturedevice/devicetype-swift.struct
    public struct DeviceType: Hashable, Sendable { public static let builtInWideAngleCamera = DeviceType() }
    // https://developer.apple.com/documentation/avfoundation/avcapturedevice/default(_:for:position:)
    public class func `default`(_ deviceType: DeviceType, for mediaType: AVMediaType?, position: Position) -> AVCaptureDevice? { nil }
    // https://developer.apple.com/documentation/avfoundation/avcapturedevice/requestaccess(for:completionhandler:)
    public class func requestAccess(for mediaType: AVMediaType) async -> Bool { false }
}

// https://developer.apple.com/documentation/avfoundation/avcaptureinput
open class AVCaptureInput: NSObject {}
// https://developer.apple.com/documentation/avfoundation/avcapturedeviceinput/init(device:)
public final class AVCaptureDeviceInput: AVCaptureInput { public init(device: AVCaptureDevice) throws {} }

// https://developer.apple.com/documentation/avfoundation/avcaptureoutput
open class AVCaptureOutput: NSObject {
    // https://developer.apple.com/documentation/avfoundation/avcaptureoutput/connection(with:)
    public func connection(with mediaType: AVMediaType) -> AVCaptureConnection? { nil }
}

// https://developer.apple.com/documentation/avfoundation/avcaptureconnection
public final class AVCaptureConnection: NSObject {
    // https://developer.apple.com/documentation/avfoundation/avcaptureconnection/isvideomirroringsupported
    public var isVideoMirroringSupported: Bool { false }
    // https://developer.apple.com/documentation/avfoundation/avcaptureconnection/isvideomirrored
    public var isVideoMirrored = false
    // https://developer.apple.com/documentation/avfoundation/avcaptureconnection/automaticallyadjustsvideomirroring
    public var automaticallyAdjustsVideoMirroring = true
}

// https://developer.apple.com/documentation/avfoundation/avcapturevideodataoutputsamplebufferdelegate
public protocol AVCaptureVideoDataOutputSampleBufferDelegate: NSObjectProtocol {
    // https://developer.apple.com/documentation/avfoundation/avcapturevideodataoutputsamplebufferdelegate/captureoutput(_:didoutput:from:)
    func captureOutput(_ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer, from connection: AVCaptureConnection)
}

// https://developer.apple.com/documentation/avfoundation/avcapturevideodataoutput
public final class AVCaptureVideoDataOutput: AVCaptureOutput {
    // https://developer.apple.com/documentation/avfoundation/avcapturevideodataoutput/videosettings
    public var videoSettings: [String: Any]! = [:]
    // https://developer.apple.com/documentation/avfoundation/avcapturevideodataoutput/alwaysdiscardslatevideoframes
    public var alwaysDiscardsLateVideoFrames = true
    // https://developer.apple.com/documentation/avfoundation/avcapturevideodataoutput/setsamplebufferdelegate(_:queue:)
    public func setSampleBufferDelegate(_ delegate: (any AVCaptureVideoDataOutputSampleBufferDelegate)?, queue: DispatchQueue?) {}
}

// https://developer.apple.com/documentation/avfoundation/avcapturesession
public final class AVCaptureSession: NSObject {
    // https://developer.apple.com/documentation/avfoundation/avcapturesession/preset
    public struct Preset: Hashable, Sendable { public static let hd1280x720 = Preset() }
    public var sessionPreset = Preset.hd1280x720
    // https://developer.apple.com/documentation/avfoundation/avcapturesession/cansetsessionpreset(_:)
    public func canSetSessionPreset(_ preset: Preset) -> Bool { false }
    public var inputs: [AVCaptureInput] { [] }
    public var outputs: [AVCaptureOutput] { [] }
    // https://developer.apple.com/documentation/avfoundation/avcapturesession/beginconfiguration()  …/commitconfiguration()
    public func beginConfiguration() {}
    public func commitConfiguration() {}
    // https://developer.apple.com/documentation/avfoundation/avcapturesession/canaddinput(_:)  …/addinput(_:)  …/removeinput(_:)
    public func canAddInput(_ input: AVCaptureInput) -> Bool { false }
    public func addInput(_ input: AVCaptureInput) {}
    public func removeInput(_ input: AVCaptureInput) {}
    // https://developer.apple.com/documentation/avfoundation/avcapturesession/canaddoutput(_:)  …/addoutput(_:)
    public func canAddOutput(_ output: AVCaptureOutput) -> Bool { false }
    public func addOutput(_ output: AVCaptureOutput) {}
    // https://developer.apple.com/documentation/avfoundation/avcapturesession/startrunning()  …/stoprunning()
    public func startRunning() {}
    public func stopRunning() {}
}
