"""A video as phones record them, and a student that needs no training to see something."""

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import onnx
import pytest

from conversion.apply.predictor import Predictor, open_predictor
from conversion.artefact.kinds import KINDS
from conversion.export.export import emit
from conversion.source.graph import read_graph
from training.student.arrays import Pixels
from training.student.checkpoint import Checkpoint, save_checkpoint
from training.student.contract import Contract
from training.student.network import Architecture, Student
from training.student.normalisation import NEUTRAL

BRIGHT = Contract(32, 48, 4, ("bright",), threshold=100.0)
RATE = Fraction(1, 600)


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory, bright) -> Path:
    """A folder with that network in every kind of file, an untrained student's checkpoint, and one of two classes."""
    folder = tmp_path_factory.mktemp("artefacts")
    model = onnx.load(str(bright(folder / "student.onnx", BRIGHT)))
    for name in ("tflite-fp32", "coreml-fp16"):
        emit(read_graph(model), KINDS[name], folder / KINDS[name].file, BRIGHT)
    bright(folder / "classes.onnx", Contract(32, 48, 4, ("red", "green")))
    contract = Contract(64, 96, 4, ("thing",))
    architecture = Architecture("tu-mobilenetv2_050", (16, 16, 16, 16, 16), True, NEUTRAL, NEUTRAL)
    save_checkpoint(
        Checkpoint(Student(contract, architecture), contract, architecture, {}), folder / "student.safetensors"
    )
    return folder


@pytest.fixture(scope="session")
def predictor(artefacts) -> Predictor:
    """The network for one class, in ONNX Runtime."""
    return open_predictor(artefacts / "student.onnx")


@dataclasses.dataclass(frozen=True)
class Film:
    """What a video holds."""

    frames: list[Pixels]
    """RGB, as stored."""
    times: list[Fraction]
    """In seconds."""
    rotations: set[int]
    """Rotations that players are asked for, in degrees."""
    sound: list[bytes]
    """Packets, as stored."""
    codecs: list[str]


@pytest.fixture(scope="session")
def watch() -> Callable[..., Film]:
    """Reads a whole video, small as it is."""

    def read(path: Path, pixels: str = "rgb24") -> Film:
        frames, times, rotations = [], [], set()
        with av.open(str(path)) as container:
            codecs = [stream.codec_context.name for stream in container.streams]
            for frame in container.decode(video=0):
                frames.append(frame.to_ndarray(format=pixels))
                times.append(frame.pts * frame.time_base)
                rotations.add(frame.rotation)
        with av.open(str(path)) as container:
            heard = container.streams.audio
            sound = [bytes(packet) for packet in container.demux(*heard) if packet.size] if heard else []
        return Film(frames, times, rotations, sound, codecs)

    return read


@pytest.fixture(scope="session")
def film() -> Callable[..., Path]:
    """Writes frames as a video with a tone; `rotated` stores them rotated, with a display matrix that undoes it."""

    def write(
        path: Path,
        frames: list[Pixels],
        *,
        ticks: list[int] | None = None,
        rotated: bool = False,
        codec: str = "libx264",
        pixels: str = "yuv420p",
        sound: str | None = "aac",
    ) -> Path:
        with av.open(str(path), "w") as made:
            stored = [np.ascontiguousarray(np.rot90(frame)) if rotated else frame for frame in frames]
            video = made.add_stream(codec, rate=30, options={"crf": "8"} if codec == "libx264" else {})
            video.height, video.width = stored[0].shape[:2]
            video.pix_fmt, video.codec_context.time_base = pixels, RATE
            # So that damage shows where it is, and nowhere else.
            video.codec_context.gop_size = 1
            if rotated:
                video.set_display_rotation(-90)
            tone = made.add_stream(sound, rate=44100, layout="mono") if sound else None
            for number, picture in enumerate(stored):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = ticks[number] if ticks else 20 * number, RATE
                made.mux(video.encode(frame))
            made.mux(video.encode())
            if tone:
                wave = (np.sin(np.arange(44100 // 2) / 20) * 8000).astype(np.int16)
                heard = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
                heard.sample_rate, heard.pts = 44100, 0
                made.mux(tone.encode(heard))
                made.mux(tone.encode())
        return path

    return write
