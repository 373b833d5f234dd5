"""Decodes a video into upright RGB frames of one size, each with its time in seconds."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conversion.apply.codecs import Codec, load_pyav
from conversion.apply.rotation import Rotation, rotate, rotation_of, swaps_axes
from training.data.preview import shrunk
from training.student.arrays import Pixels
from training.student.errors import BadInput

if TYPE_CHECKING:
    import av


@dataclass(slots=True)
class VideoReport:
    """What became of a video."""

    frames: int = 0
    """How many were written."""
    broken: int = 0
    """How many could not be decoded, and were left out."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class VideoProperties:
    """What all frames of a video have in common, read from the first one that can be decoded."""

    rows: int
    columns: int
    """Both of the upright frame, shrunk and cut as the result will be."""
    pixel_aspect: Fraction | None
    """Width to height of one pixel of the upright frame; None where it is square or not known."""
    rotation: Rotation | None
    """None where the frames are shown as they are stored."""
    colours: Mapping[str, int]
    """The colour space, by FFmpeg's names: colorspace, color_primaries and color_trc."""


@contextmanager
def open_video(source: Path) -> Iterator[Any]:
    """The container of a video, whatever bytes its name and its metadata are of.

    It may read files alone: a playlist that is called a video names what it likes, addresses included.

    Raises:
        av.FFmpegError: It cannot be read.
        OSError: Likewise.
    """
    # Absolute, since FFmpeg takes `name:` at the beginning for a protocol.
    path = source.absolute()
    options = {"protocol_whitelist": "file"}
    with ExitStack() as stack:
        try:
            file: Any = os.fsencode(path).decode()
        except UnicodeDecodeError:
            # PyAV takes names of UTF-8 alone.
            file = stack.enter_context(path.open("rb"))
        yield stack.enter_context(load_pyav().open(file, metadata_errors="replace", options=options))


def probe(source: Path, biggest_side: int | None, codec: Codec) -> VideoProperties:
    """Read the properties of a video. It opens the file on its own.

    Args:
        source: The video.
        biggest_side: Pixels of the longer side of the result, at most.
        codec: What the result is written in.

    Raises:
        BadInput: There are no frames, or none that can be decoded.
    """
    with open_video(source) as container:
        stream = container.streams.best("video")
        if stream is None:
            raise BadInput(f"{source} has no pictures")
        for frame, _ in read_packets(container, [stream.index], stream.index, VideoReport()):
            rotation = rotation_of(frame)
            size = _cut_to_even(_shrunk(rotate(frame.to_ndarray(format="rgb24"), rotation), biggest_side), codec).shape
            pixel_aspect = stream.sample_aspect_ratio or None
            if pixel_aspect and swaps_axes(rotation):
                pixel_aspect = 1 / pixel_aspect
            colours = {
                "colorspace": frame.colorspace,
                "color_primaries": frame.color_primaries,
                "color_trc": frame.color_trc,
            }
            return VideoProperties(size[0], size[1], pixel_aspect, rotation, colours)
    raise BadInput(f"{source} has no frame that can be decoded; export it again")


def read_packets(
    container: Any, streams: list[int], video: int, report: VideoReport
) -> Iterator[tuple[Any, Fraction | None]]:
    """Decoded frames with their times in seconds, and audio packets with None, in the order of the file.

    What is broken is left out and goes into the report.

    Args:
        container: The opened file.
        streams: Indices of the streams to read.
        video: The index among them whose packets are decoded.
        report: Is told what is broken.
    """
    av = load_pyav()
    stream = container.streams[video]
    stream.thread_type = "AUTO"
    step = 1 / (stream.guessed_rate or stream.average_rate or Fraction(25))
    time: Fraction = -step
    packets = container.demux(*(container.streams[index] for index in streams))
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            report.notes.append(f"cannot be read beyond {float(max(time, Fraction(0))):.1f} s ({error.strerror})")
            return
        if packet is None:
            return
        if packet.stream_index != video:
            yield packet, None
            continue
        try:
            frames = packet.decode()
        except av.FFmpegError:
            report.broken += 1
            continue
        for frame in frames:
            time = frame.pts * frame.time_base if frame.pts is not None else time + step
            yield frame, time


def upright_rgb(frame: "av.VideoFrame", biggest_side: int | None, properties: VideoProperties, codec: Codec) -> Pixels:
    """(rows, columns, 3) RGB of a frame, of the first frame's size even if the stream changes its size on the way."""
    photo = _cut_to_even(_shrunk(rotate(frame.to_ndarray(format="rgb24"), properties.rotation), biggest_side), codec)
    rows, columns = properties.rows, properties.columns
    if photo.shape[:2] == (rows, columns):
        return photo
    stored = (columns, rows) if swaps_axes(properties.rotation) else (rows, columns)
    return rotate(frame.to_ndarray(format="rgb24", height=stored[0], width=stored[1]), properties.rotation)


def _shrunk(photo: Pixels, biggest_side: int | None) -> Pixels:
    return shrunk(photo, biggest_side) if biggest_side and max(photo.shape[:2]) > biggest_side else photo


def _cut_to_even(photo: Pixels, codec: Codec) -> Pixels:
    return photo[: len(photo) // 2 * 2, : photo.shape[1] // 2 * 2] if codec.needs_even_size else photo
