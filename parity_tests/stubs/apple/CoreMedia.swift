// Of Core Media: https://developer.apple.com/documentation/coremedia/cmsamplebuffer
import CoreVideo
public final class CMSampleBuffer {}
// https://developer.apple.com/documentation/coremedia/cmsamplebuffergetimagebuffer(_:)
public func CMSampleBufferGetImageBuffer(_ sbuf: CMSampleBuffer) -> CVImageBuffer? { nil }
