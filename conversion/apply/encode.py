"""Encodes pictures as a video, and takes the sound of the source along."""

from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from conversion.apply.codecs import Codec, load_pyav
from conversion.apply.decode import VideoProperties, VideoReport
from training.student.arrays import Pixels

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer

_LIMITED = 1  # FFmpeg's AVCOL_RANGE_MPEG, what players expect of a video
_UNSPECIFIED = 2  # FFmpeg's value for a colour space, its primaries and its transfer
_LAYOUTS = MappingProxyType({1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"})


def add_video_stream(
    container: "OutputContainer", codec: Codec, properties: VideoProperties, rate: Fraction, time_base: Fraction
) -> Any:
    """Add the stream of the pictures, with the size and the colour space of the source."""
    stream: Any = container.add_stream(codec.encoder, rate=rate, options=dict(codec.encoder_options))
    stream.width, stream.height, stream.pix_fmt = properties.columns, properties.rows, codec.pixel_format
    stream.time_base = stream.codec_context.time_base = time_base
    if properties.pixel_aspect:
        stream.codec_context.sample_aspect_ratio = properties.pixel_aspect
    if codec.pixel_format != "gray":
        stream.codec_context.color_range = _LIMITED
        for name, value in properties.colours.items():
            setattr(stream.codec_context, name, value)
    return stream


def as_video_frame(
    picture: Pixels, codec: Codec, properties: VideoProperties, timestamp: int, time_base: Fraction
) -> Any:
    """A picture as a frame to encode.

    Args:
        picture: (rows, columns) grey, (rows, columns, 3) RGB or (rows, columns, 4) RGBA.
        codec: What it will be encoded in.
        properties: Of the source, for its colour space.
        timestamp: When it is shown, in units of `time_base`.
        time_base: In seconds.
    """
    av = load_pyav()
    pixel_format = {2: "gray", 3: "rgb24", 4: "rgba"}[picture.ndim if picture.ndim == 2 else picture.shape[2]]
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=pixel_format)
    if pixel_format != codec.pixel_format:
        space = properties.colours["colorspace"]
        frame = frame.reformat(
            format=codec.pixel_format,
            dst_colorspace=None if space == _UNSPECIFIED else space,
            dst_color_range=_LIMITED,
        )
    frame.pts, frame.time_base = timestamp, time_base
    return frame


class AudioTrack:
    """One audio stream of the source on its way into the result: copied where the codec allows it, otherwise AAC."""

    def __init__(self, source: Any, container: "OutputContainer", codec: Codec, report: VideoReport) -> None:
        self._av, self._container, self._report = load_pyav(), container, report
        context = source.codec_context
        name = context.name if context else "unknown"
        self._is_copied = codec.copied_audio is None or name in codec.copied_audio
        self._lost = 0
        self._stream: Any = None
        try:
            if self._is_copied:
                self._stream = container.add_stream_from_template(source)
            else:
                # By name: some files state only the number of channels, with which the encoder cannot be opened.
                layout = _LAYOUTS.get(context.layout.nb_channels, "stereo")
                self._stream = container.add_stream("aac", rate=context.sample_rate, layout=layout)
                report.notes.append(f"sound was {name}, now AAC")
        except (self._av.FFmpegError, ValueError, AttributeError) as error:
            report.notes.append(f"sound ({name}) left out: {' '.join(str(error).split())}")

    def write_packet(self, packet: "av.Packet[Any]") -> None:
        """Copy a packet, or encode again what it decodes to; an empty packet ends the stream."""
        if self._stream is None:
            return
        try:
            if not self._is_copied:
                for frame in packet.decode():
                    self._container.mux(self._stream.encode(frame))
            elif packet.dts is not None:
                packet.stream = self._stream
                self._container.mux(packet)
        except self._av.FFmpegError:
            self._lost += 1

    def finish(self) -> None:
        """Write what the encoder still holds, and report how many packets were lost."""
        if self._stream is not None and not self._is_copied:
            self._container.mux(self._stream.encode(None))
        if self._lost:
            self._report.notes.append(f"{self._lost} broken packets of sound left out")
