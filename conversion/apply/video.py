"""One video through an artefact, frame by frame, into another video with the same sound.

Decoded, drawn and encoded by FFmpeg through PyAV, an optional extra. At no time is more than a handful of frames in
memory.
"""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from conversion.apply import pyav
from conversion.apply.codecs import FORMS, Form
from conversion.apply.effect import Effect, Look, draw
from conversion.apply.encoded import frame_of, stream_of
from conversion.apply.frames import First, Told, first_of, found, upright
from conversion.apply.opened import Opened
from conversion.apply.sound import Sound
from training.student.arrays import Floats, Pixels
from training.student.effects import smoothed
from training.student.errors import BadInput
from training.student.postprocess import postprocess
from training.student.preprocess import preprocess

if TYPE_CHECKING:
    from av.container import OutputContainer

CUT = 30.0
"""Mean difference of two successive inputs, of 255, from which on the picture has cut, and no smoothing crosses it."""


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
    av = pyav.load()
    form, told = FORMS[effect.video], Told()
    if form.codec not in av.codecs_available:
        raise BadInput(f"this build of PyAV has no {form.codec}, which '{form.suffix}' needs; `pip install av` has it")
    try:
        first = first_of(source, biggest_side, form)
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
    first: First,
    form: Form,
    told: Told,
    opened: Opened,
    effect: Effect,
    look: Look,
    smooth: float,
    biggest_side: int | None,
    frame_rate: float | None,
) -> None:
    av = pyav.load()
    video = taken.streams.best("video")
    rate = video.guessed_rate or video.average_rate or Fraction(25)
    limit = Fraction(frame_rate).limit_denominator(1001) if frame_rate else None
    tick = 1 / limit if limit else video.time_base or 1 / rate
    shown = stream_of(made, first, form, limit or rate, tick)
    sounds = {one.index: Sound(one, made, form, told) for one in taken.streams.audio}
    last, seen = -(2**62), _Seen(opened, smooth)
    total = video.frames or (round(taken.duration * rate / av.time_base) if taken.duration else None)
    name = Path(taken.name).name
    with tqdm(total=total, desc=name, unit=" frames", leave=False, disable=None) as bar:
        for frame, time in found(taken, [video.index, *sounds], video.index, told):
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
            photo = upright(frame, biggest_side, first, form)
            picture = draw(effect, photo, seen.mask(photo), look)
            for packet in shown.encode(frame_of(picture, form, number, tick, first)):
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
