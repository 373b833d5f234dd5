"""One video through an artefact, frame by frame, into another video with the same sound.

Decoded, drawn and encoded by FFmpeg through PyAV, an optional extra. At no time is more than a handful of frames in
memory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from conversion.apply.effect import Effect, Look, draw
from conversion.apply.opened import Opened
from training.data.preview import shrunk
from training.student.effects import Pixels, smoothed
from training.student.errors import BadInput
from training.student.postprocess import postprocess
from training.student.preprocess import preprocess
from training.student.resize import Floats

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer

CUT = 30.0
"""Mean difference of two successive inputs, of 255, from which on the picture has cut, and no smoothing crosses it."""

_LIMITED = 1  # FFmpeg's AVCOL_RANGE_MPEG, what players expect of a video
_UNSPECIFIED = 2  # for a colour space, its primaries and its transfer alike


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of video file."""

    suffix: str
    codec: str
    pixels: str
    """FFmpeg's name of the format of its pixels."""
    options: Mapping[str, str]
    container: Mapping[str, str]
    sound: tuple[str, ...] | None
    """Codecs that are copied as they are, all others becoming AAC; None: every codec is."""
    is_even: bool = False
    """Whether rows and columns have to be even: one is cut off where they are not."""


_LAYOUTS = MappingProxyType({1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"})
_PLAYED = ("aac", "ac3", "alac", "eac3", "mp3", "opus")

FORMS: Mapping[str, Form] = MappingProxyType(
    {
        # What every player and phone shows.
        "h264": Form(
            suffix=".mp4",
            codec="libx264",
            pixels="yuv420p",
            options=MappingProxyType({"crf": "18", "preset": "veryfast"}),
            container=MappingProxyType({"movflags": "+faststart"}),
            sound=_PLAYED,
            is_even=True,
        ),
        # What editors take for a picture that can be seen through.
        "prores": Form(
            suffix=".mov",
            codec="prores_ks",
            pixels="yuva444p10le",
            options=MappingProxyType({"profile": "4444", "alpha_bits": "16"}),
            container=MappingProxyType({}),
            sound=(*_PLAYED, "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le", "pcm_s32le"),
        ),
        # Without loss: the values of a mask mean something.
        "ffv1": Form(
            suffix=".mkv",
            codec="ffv1",
            pixels="gray",
            options=MappingProxyType({}),
            container=MappingProxyType({}),
            sound=None,
        ),
    }
)


@dataclass(slots=True)
class Told:
    """What became of a video."""

    frames: int = 0
    """That were written."""
    broken: int = 0
    """That could not be decoded and were left out."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _First:
    """What the first frame that can be decoded says of all."""

    rows: int
    columns: int
    """Upright."""
    shape: Fraction | None
    """Of a pixel, width to height, upright; None where it is square or not known."""
    turn: NDArray[np.int32] | None
    """(2, 2), from columns and rows as stored to those as shown; None where they are the same."""
    colours: Mapping[str, int]
    """How they are to be shown: what FFmpeg calls colorspace, color_primaries and color_trc."""


def apply_to_video(
    source: Path,
    target: Path,
    opened: Opened,
    effect: Effect,
    look: Look,
    *,
    smooth: float = 1.0,
    biggest_side: int | None = None,
    frame_rate: float | None = None,
) -> Told:
    """Write a video of an effect to `target`.

    Frames keep their own times, so that a variable frame rate stays what it is; turned videos are written upright;
    sound is copied packet by packet where the form of the result allows it, and becomes AAC otherwise.

    Args:
        source: The video.
        target: Its suffix is that of the effect's form.
        opened: The artefact.
        effect: One of `effect.EFFECTS`.
        look: How it is to look.
        smooth: As the `rate` of `effects.smoothed`, from frame to frame; 1: each frame by itself.
        biggest_side: Pixels of the longer side, at most.
        frame_rate: Frames a second, at most; those between are left out.

    Raises:
        BadInput: PyAV is missing, or there is no frame that can be decoded.
    """
    av = _av()
    form, told = FORMS[effect.video], Told()
    if form.codec not in av.codecs_available:
        raise BadInput(f"this build of PyAV has no {form.codec}, which '{form.suffix}' needs; `pip install av` has it")
    try:
        first = _first(source, biggest_side, form)
        with av.open(str(source)) as taken, av.open(str(target), "w", options=dict(form.container)) as made:
            _stream(taken, made, first, form, told, opened, effect, look, smooth, biggest_side, frame_rate)
    except av.FFmpegError as error:
        if error.errno in (28, 122):  # no space left, and over quota: the folder's fault, told as such
            raise OSError(error.errno, error.strerror) from error
        raise BadInput(f"{source} cannot become a {form.suffix} video ({error.strerror}); export it again") from error
    if told.broken:
        told.notes.append(f"{told.broken} broken {'frame' if told.broken == 1 else 'frames'} left out")
    return told


def _stream(
    taken: Any,
    made: "OutputContainer",
    first: _First,
    form: Form,
    told: Told,
    opened: Opened,
    effect: Effect,
    look: Look,
    smooth: float,
    biggest_side: int | None,
    frame_rate: float | None,
) -> None:
    av = _av()
    video = taken.streams.best("video")
    rate = video.guessed_rate or video.average_rate or Fraction(25)
    limit = Fraction(frame_rate).limit_denominator(1001) if frame_rate else None
    tick = 1 / limit if limit else video.time_base or 1 / rate
    shown = _video_stream(made, first, form, limit or rate, tick)
    sounds = {one.index: _Sound(one, made, form, told) for one in taken.streams.audio}
    last, seen = -(2**62), _Seen(opened, smooth)
    total = video.frames or (round(taken.duration * rate / av.time_base) if taken.duration else None)
    name = Path(taken.name).name
    with tqdm(total=total, desc=name, unit=" frames", leave=False, disable=None) as bar:
        for frame, time in _found(taken, [video.index, *sounds], video.index, told):
            if time is None:
                sounds[frame.stream_index].take(frame)
                continue
            bar.update()
            # A tenth of a tick more, since some containers round times to milliseconds.
            number = int((time / tick + Fraction(1, 10)) // 1) if limit else round(time / tick)
            if number <= last:
                # Too soon for the limit; without one, two frames at one time, of which no player shows the second.
                continue
            last = number
            photo = _upright(frame, biggest_side, first, form)
            picture = draw(effect, photo, seen.mask(photo), look)
            for packet in shown.encode(_frame(picture, form, number, tick, first)):
                made.mux(packet)
            told.frames += 1
    made.mux(shown.encode(None))
    for sound in sounds.values():
        sound.end()


class _Seen:
    """The masks of successive frames."""

    def __init__(self, opened: Opened, smooth: float) -> None:
        self._opened, self._rate = opened, smooth
        self._input: Pixels | None = None
        self._logits: Floats | None = None

    def mask(self, photo: Pixels) -> Pixels:
        contract = self._opened.contract
        taken = preprocess(photo, contract)
        before = self._logits if self._input is not None and not is_cut(self._input, taken) else None
        self._input, self._logits = taken, smoothed(before, self._opened.runner(taken), self._rate)
        return postprocess(self._logits, contract, photo.shape[0], photo.shape[1])


def is_cut(before: Pixels, after: Pixels) -> bool:
    """Whether another scene begins between two inputs, (height, width, 3) each."""
    return float(np.abs(after.astype(np.int16) - before).mean()) > CUT


class _Sound:
    """One of the sounds of a video, on its way into another."""

    def __init__(self, source: Any, made: "OutputContainer", form: Form, told: Told) -> None:
        self._av, self._made, self._told = _av(), made, told
        context = source.codec_context
        name = context.name if context else "unknown"
        self._is_copied = form.sound is None or name in form.sound
        self._lost = 0
        self._stream: Any = None
        try:
            if self._is_copied:
                self._stream = made.add_stream_from_template(source)
            else:
                # By name, since a file that only counts its channels gives the encoder nothing to open with.
                layout = _LAYOUTS.get(context.layout.nb_channels, "stereo")
                self._stream = made.add_stream("aac", rate=context.sample_rate, layout=layout)
                told.notes.append(f"sound was {name}, now AAC")
        except (self._av.FFmpegError, ValueError, AttributeError) as error:
            told.notes.append(f"sound ({name}) left out: {' '.join(str(error).split())}")

    def take(self, packet: "av.Packet[Any]") -> None:
        """Copy it, or what it decodes to; an empty one ends the stream."""
        if self._stream is None:
            return
        try:
            if not self._is_copied:
                for frame in packet.decode():
                    self._made.mux(self._stream.encode(frame))
            elif packet.dts is not None:
                packet.stream = self._stream
                self._made.mux(packet)
        except self._av.FFmpegError:
            self._lost += 1

    def end(self) -> None:
        if self._stream is not None and not self._is_copied:
            self._made.mux(self._stream.encode(None))
        if self._lost:
            self._told.notes.append(f"{self._lost} broken packets of sound left out")


def _found(taken: Any, wanted: list[int], video: int, told: Told) -> Iterator[tuple[Any, Fraction | None]]:
    """Frames with their times in seconds, and packets of sound, as they come; what is broken is told and left out."""
    av = _av()
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


def _first(source: Path, biggest_side: int | None, form: Form) -> _First:
    av = _av()
    with av.open(str(source)) as taken:
        stream = taken.streams.best("video")
        if stream is None:
            raise BadInput(f"{source} has no pictures")
        for frame, _ in _found(taken, [stream.index], stream.index, Told()):
            turn = _turn(frame)
            size = _even(_shrunk(_turned(frame.to_ndarray(format="rgb24"), turn), biggest_side), form).shape
            shape = stream.sample_aspect_ratio or None
            if shape and _is_quarter(turn):
                shape = 1 / shape
            colours = {
                "colorspace": frame.colorspace,
                "color_primaries": frame.color_primaries,
                "color_trc": frame.color_trc,
            }
            return _First(size[0], size[1], shape, turn, colours)
    raise BadInput(f"{source} has no frame that can be decoded; export it again")


def _video_stream(made: "OutputContainer", first: _First, form: Form, rate: Fraction, tick: Fraction) -> Any:
    stream: Any = made.add_stream(form.codec, rate=rate, options=dict(form.options))
    stream.width, stream.height, stream.pix_fmt = first.columns, first.rows, form.pixels
    stream.time_base = stream.codec_context.time_base = tick
    if first.shape:
        stream.codec_context.sample_aspect_ratio = first.shape
    if form.pixels != "gray":
        stream.codec_context.color_range = _LIMITED
        for name, value in first.colours.items():
            setattr(stream.codec_context, name, value)
    return stream


def _frame(picture: Pixels, form: Form, number: int, tick: Fraction, first: _First) -> Any:
    av = _av()
    layout = {2: "gray", 3: "rgb24", 4: "rgba"}[picture.ndim if picture.ndim == 2 else picture.shape[2]]
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=layout)
    if layout != form.pixels:
        space = first.colours["colorspace"]
        frame = frame.reformat(
            format=form.pixels,
            dst_colorspace=None if space == _UNSPECIFIED else space,
            dst_color_range=_LIMITED,
        )
    frame.pts, frame.time_base = number, tick
    return frame


def _upright(frame: "av.VideoFrame", biggest_side: int | None, first: _First, form: Form) -> Pixels:
    """(rows, columns, 3) RGB of a frame, as large as the first, whatever a stream does on its way."""
    photo = _even(_shrunk(_turned(frame.to_ndarray(format="rgb24"), first.turn), biggest_side), form)
    if photo.shape[:2] == (first.rows, first.columns):
        return photo
    stored = (first.columns, first.rows) if _is_quarter(first.turn) else (first.rows, first.columns)
    return _turned(frame.to_ndarray(format="rgb24", height=stored[0], width=stored[1]), first.turn)


def _shrunk(photo: Pixels, biggest_side: int | None) -> Pixels:
    return shrunk(photo, biggest_side) if biggest_side and max(photo.shape[:2]) > biggest_side else photo


def _even(photo: Pixels, form: Form) -> Pixels:
    return photo[: len(photo) // 2 * 2, : photo.shape[1] // 2 * 2] if form.is_even else photo


def _turn(frame: "av.VideoFrame") -> NDArray[np.int32] | None:
    """Of all frames, by the display matrix of one.

    Asked of one alone: a frame and its side data refer to each other, so that each frame that was asked stays in memory
    until Python looks for such cycles.
    """
    held: Any = frame.side_data.get("DISPLAYMATRIX")
    return None if held is None else np.frombuffer(bytes(held), np.int32).reshape(3, 3)[:2, :2]


def _is_quarter(turn: NDArray[np.int32] | None) -> bool:
    """Whether rows become columns."""
    return turn is not None and abs(int(turn[0, 1])) > abs(int(turn[0, 0]))


def _turned(photo: NDArray[Any], turn: NDArray[np.int32] | None) -> Pixels:
    """Upright, by the nearest of the eight ways to turn and mirror a picture."""
    if turn is None:
        return photo
    if _is_quarter(turn):
        photo, across, down = photo.transpose(1, 0, 2), turn[1, 0], turn[0, 1]
    else:
        across, down = turn[0, 0], turn[1, 1]
    return np.ascontiguousarray(photo[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise BadInput("videos need PyAV, which is not installed: pip install 'av>=18'") from error
    return av
