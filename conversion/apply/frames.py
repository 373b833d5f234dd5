"""The frames of a video, as they come out of its file: upright, of one size, each with its time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conversion.apply import pyav
from conversion.apply.codecs import Form
from conversion.apply.rotation import Turn, is_quarter, turn_of, turned
from training.data.preview import shrunk
from training.student.arrays import Pixels
from training.student.errors import BadInput

if TYPE_CHECKING:
    import av


@dataclass(slots=True)
class Told:
    """What became of a video."""

    frames: int = 0
    """That were written."""
    broken: int = 0
    """That could not be decoded and were left out."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class First:
    """What the first frame that can be decoded says of all."""

    rows: int
    columns: int
    """Upright."""
    shape: Fraction | None
    """Of a pixel, width to height, upright; None where it is square or not known."""
    turn: Turn | None
    """None where columns and rows are shown as they are stored."""
    colours: Mapping[str, int]
    """How they are to be shown: what FFmpeg calls colorspace, color_primaries and color_trc."""


def first_of(source: Path, biggest_side: int | None, form: Form) -> First:
    """What the first frame says, from a pass of its own.

    Raises:
        BadInput: There are no pictures, or none that can be decoded.
    """
    av = pyav.load()
    with av.open(str(source)) as taken:
        stream = taken.streams.best("video")
        if stream is None:
            raise BadInput(f"{source} has no pictures")
        for frame, _ in found(taken, [stream.index], stream.index, Told()):
            turn = turn_of(frame)
            size = _even(_shrunk(turned(frame.to_ndarray(format="rgb24"), turn), biggest_side), form).shape
            shape = stream.sample_aspect_ratio or None
            if shape and is_quarter(turn):
                shape = 1 / shape
            colours = {
                "colorspace": frame.colorspace,
                "color_primaries": frame.color_primaries,
                "color_trc": frame.color_trc,
            }
            return First(size[0], size[1], shape, turn, colours)
    raise BadInput(f"{source} has no frame that can be decoded; export it again")


def found(taken: Any, wanted: list[int], video: int, told: Told) -> Iterator[tuple[Any, Fraction | None]]:
    """Frames with their times in seconds, and packets of sound, as they come; what is broken is told and left out."""
    av = pyav.load()
    stream = taken.streams[video]
    stream.thread_type = "AUTO"
    step = 1 / (stream.guessed_rate or stream.average_rate or Fraction(25))
    time: Fraction = -step
    packets = taken.demux(*(taken.streams[index] for index in wanted))
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            told.notes.append(f"cannot be read beyond {float(max(time, Fraction(0))):.1f} s ({error.strerror})")
            return
        if packet is None:
            return
        if packet.stream_index != video:
            yield packet, None
            continue
        try:
            frames = packet.decode()
        except av.FFmpegError:
            told.broken += 1
            continue
        for frame in frames:
            time = frame.pts * frame.time_base if frame.pts is not None else time + step
            yield frame, time


def upright(frame: "av.VideoFrame", biggest_side: int | None, first: First, form: Form) -> Pixels:
    """(rows, columns, 3) RGB of a frame, as large as the first, whatever a stream does on its way."""
    photo = _even(_shrunk(turned(frame.to_ndarray(format="rgb24"), first.turn), biggest_side), form)
    if photo.shape[:2] == (first.rows, first.columns):
        return photo
    stored = (first.columns, first.rows) if is_quarter(first.turn) else (first.rows, first.columns)
    return turned(frame.to_ndarray(format="rgb24", height=stored[0], width=stored[1]), first.turn)


def _shrunk(photo: Pixels, biggest_side: int | None) -> Pixels:
    return shrunk(photo, biggest_side) if biggest_side and max(photo.shape[:2]) > biggest_side else photo


def _even(photo: Pixels, form: Form) -> Pixels:
    return photo[: len(photo) // 2 * 2, : photo.shape[1] // 2 * 2] if form.is_even else photo
