"""Runs an artefact on one video, frame by frame, and writes another video with the same sound.

FFmpeg decodes and encodes through PyAV, an optional extra. Only a handful of frames is in memory at any time.
"""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from conversion.apply.codecs import CODECS, Codec, load_pyav
from conversion.apply.decode import VideoProperties, VideoReport, open_video, probe, read_packets, upright_rgb
from conversion.apply.effect import Effect, EffectOptions, draw_effect
from conversion.apply.encode import AudioTrack, add_video_stream, as_video_frame
from conversion.apply.predictor import Predictor
from training.student.arrays import Floats, Pixels
from training.student.effects import smoothed
from training.student.errors import BadInput, escaped
from training.student.postprocess import postprocess
from training.student.preprocess import preprocess

if TYPE_CHECKING:
    from av.container import OutputContainer

SCENE_CUT = 30.0
"""Mean absolute difference of two successive inputs, of 255, above which a new scene begins: smoothing starts anew."""


def apply_to_video(
    source: Path,
    target: Path,
    predictor: Predictor,
    effect: Effect,
    options: EffectOptions,
    *,
    smooth: float = 1.0,
    biggest_side: int | None = None,
    frame_rate: float | None = None,
) -> VideoReport:
    """Write a video of an effect to `target`.

    Frames keep their own times, so a variable frame rate stays variable. Rotated videos are written upright. Sound is
    copied packet by packet where the codec of the result allows it, and converted to AAC otherwise.

    Args:
        source: The video.
        target: Its suffix is that of the effect's codec.
        predictor: The artefact.
        effect: One of `effect.EFFECTS`.
        options: How the effect is drawn.
        smooth: The `rate` of `effects.smoothed`, from frame to frame; 1: each frame on its own.
        biggest_side: Pixels of the longer side, at most.
        frame_rate: Frames per second, at most; frames between are left out.

    Raises:
        BadInput: PyAV is missing, or no frame can be decoded.
    """
    av = load_pyav()
    codec, report = CODECS[effect.codec], VideoReport()
    if codec.encoder not in av.codecs_available:
        raise BadInput(f"this build of PyAV has no {codec.encoder}, which '{codec.suffix}' needs; that of PyPI has it")
    try:
        properties = probe(source, biggest_side, codec)
        with open_video(source) as taken, av.open(str(target), "w", options=dict(codec.container_options)) as made:
            _apply_to_frames(
                taken, made, properties, codec, report, predictor, effect, options, smooth, biggest_side, frame_rate
            )
    except av.FFmpegError as error:
        if error.errno in (28, 122):  # no space left, or over quota: the fault of the folder, not of the video
            raise OSError(error.errno, error.strerror) from error
        raise BadInput(f"{source} cannot become a {codec.suffix} video ({error.strerror}); export it again") from error
    if report.broken:
        report.notes.append(f"{report.broken} broken {'frame' if report.broken == 1 else 'frames'} left out")
    return report


def _apply_to_frames(
    taken: Any,
    made: "OutputContainer",
    properties: VideoProperties,
    codec: Codec,
    report: VideoReport,
    predictor: Predictor,
    effect: Effect,
    options: EffectOptions,
    smooth: float,
    biggest_side: int | None,
    frame_rate: float | None,
) -> None:
    av = load_pyav()
    video = taken.streams.best("video")
    rate = video.guessed_rate or video.average_rate or Fraction(25)
    limit = Fraction(frame_rate).limit_denominator(1001) if frame_rate else None
    time_base = 1 / limit if limit else video.time_base or 1 / rate
    pictures = add_video_stream(made, codec, properties, limit or rate, time_base)
    tracks = {stream.index: AudioTrack(stream, made, codec, report) for stream in taken.streams.audio}
    last, masks = -(2**62), _SmoothedMasks(predictor, smooth)
    total = video.frames or (round(taken.duration * rate / av.time_base) if taken.duration else None)
    name = escaped(Path(str(taken.name)).name)
    with tqdm(total=total, desc=name, unit=" frames", leave=False, disable=None) as bar:
        for frame, time in read_packets(taken, [video.index, *tracks], video.index, report):
            if time is None:
                tracks[frame.stream_index].write_packet(frame)
                continue
            bar.update()
            # A tenth of a tick more, since some containers round times to milliseconds.
            timestamp = int((time / time_base + Fraction(1, 10)) // 1) if limit else round(time / time_base)
            if timestamp <= last:
                # Too early for the limit. Without a limit: two frames at one time, and players never show the second.
                continue
            last = timestamp
            photo = upright_rgb(frame, biggest_side, properties, codec)
            picture = draw_effect(effect, photo, masks.predict(photo), options)
            for packet in pictures.encode(as_video_frame(picture, codec, properties, timestamp, time_base)):
                made.mux(packet)
            report.frames += 1
    made.mux(pictures.encode(None))
    for track in tracks.values():
        track.finish()


class _SmoothedMasks:
    """The masks of successive frames, from logits that are smoothed over time within a scene."""

    def __init__(self, predictor: Predictor, rate: float) -> None:
        self._predictor, self._rate = predictor, rate
        self._input: Pixels | None = None
        self._logits: Floats | None = None

    def predict(self, photo: Pixels) -> Pixels:
        contract = self._predictor.contract
        image = preprocess(photo, contract)
        previous = self._logits if self._input is not None and not is_scene_cut(self._input, image) else None
        self._input, self._logits = image, smoothed(previous, self._predictor.runner(image), self._rate)
        return postprocess(self._logits, contract, photo.shape[0], photo.shape[1])


def is_scene_cut(before: Pixels, after: Pixels) -> bool:
    """Whether another scene begins between two successive inputs, (height, width, 3) each."""
    return float(np.abs(after.astype(np.int16) - before).mean()) > SCENE_CUT
