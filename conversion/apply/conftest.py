"""A video as phones take them, and a student that needs no training to see something."""

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from conversion.about import CONTRACT_KEY
from conversion.apply.opened import Opened, open_artefact
from conversion.artefact import KINDS
from conversion.export import emit
from conversion.source import graph
from training.student import checkpoint
from training.student.checkpoint import Checkpoint
from training.student.contract import Contract
from training.student.effects import Pixels
from training.student.network import Architecture, Student
from training.student.normalisation import NEUTRAL

BRIGHT = Contract(32, 48, 4, ("bright",), threshold=100.0)
RATE = Fraction(1, 600)


def _bright(path: Path, contract: Contract) -> Path:
    """A network that gives the mean of its red, in blocks of 4 × 4: bright is where that is above the threshold.

    Of several classes, the first is red, the second green.
    """
    weights = np.zeros((len(contract.classes), 3, 4, 4), np.float32)
    for channel in range(len(contract.classes)):
        weights[channel, channel] = 1 / 16
    image, logits = (helper.make_tensor_value_info(name, 1, None) for name in ("image", "logits"))
    for value, shape in ((image, (1, 3, contract.height, contract.width)), (logits, (1, *contract.logits_shape))):
        value.CopyFrom(helper.make_tensor_value_info(value.name, 1, shape))
    node = helper.make_node("Conv", ["image", "weights"], ["logits"], strides=[4, 4], kernel_shape=[4, 4])
    body = helper.make_graph([node], "bright", [image], [logits], [numpy_helper.from_array(weights, "weights")])
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(model, {CONTRACT_KEY: contract.to_json()})
    onnx.save(model, str(path))
    return path


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory) -> Path:
    """A folder with that network in every kind of file, an untrained student's checkpoint, and one of two classes."""
    folder = tmp_path_factory.mktemp("artefacts")
    model = onnx.load(str(_bright(folder / "student.onnx", BRIGHT)))
    for name in ("tflite-fp32", "coreml-fp16"):
        emit(graph.read(model), KINDS[name], folder / KINDS[name].file, BRIGHT)
    _bright(folder / "classes.onnx", Contract(32, 48, 4, ("red", "green")))
    contract = Contract(64, 96, 4, ("thing",))
    architecture = Architecture("tu-mobilenetv2_050", (16, 16, 16, 16, 16), True, NEUTRAL, NEUTRAL)
    checkpoint.save(
        Checkpoint(Student(contract, architecture), contract, architecture, {}), folder / "student.safetensors"
    )
    return folder


@pytest.fixture(scope="session")
def opened(artefacts) -> Opened:
    """The network for one class, in ONNX Runtime."""
    return open_artefact(artefacts / "student.onnx")


@pytest.fixture(scope="session")
def scene() -> Callable[..., Pixels]:
    """Draws a dark picture with a bright, reddish block, which moves to the right with `step`."""

    def draw(rows: int = 72, columns: int = 96, step: int = 0) -> Pixels:
        picture = np.zeros((rows, columns, 3), np.uint8)
        picture[..., 1] = np.linspace(20, 90, columns).astype(np.uint8)
        left = columns // 8 + 4 * step
        picture[rows // 4 : rows // 2, left : left + columns // 3] = 220, 160, 120
        return picture

    return draw


@dataclasses.dataclass(frozen=True)
class Film:
    """What a video holds."""

    frames: list[Pixels]
    """RGB, as stored."""
    times: list[Fraction]
    """In seconds."""
    turns: set[int]
    """Rotations that players are asked for, in degrees."""
    sound: list[bytes]
    """Packets, as stored."""
    codecs: list[str]


@pytest.fixture(scope="session")
def watch() -> Callable[..., Film]:
    """Reads a whole video, small as it is."""

    def read(path: Path, pixels: str = "rgb24") -> Film:
        frames, times, turns = [], [], set()
        with av.open(str(path)) as container:
            codecs = [stream.codec_context.name for stream in container.streams]
            for frame in container.decode(video=0):
                frames.append(frame.to_ndarray(format=pixels))
                times.append(frame.pts * frame.time_base)
                turns.add(frame.rotation)
        with av.open(str(path)) as container:
            heard = container.streams.audio
            sound = [bytes(packet) for packet in container.demux(*heard) if packet.size] if heard else []
        return Film(frames, times, turns, sound, codecs)

    return read


@pytest.fixture(scope="session")
def film() -> Callable[..., Path]:
    """Writes frames as a video with a tone; `turned` stores them on their side, to be shown turned back."""

    def write(
        path: Path,
        frames: list[Pixels],
        *,
        ticks: list[int] | None = None,
        turned: bool = False,
        codec: str = "libx264",
        pixels: str = "yuv420p",
        sound: str | None = "aac",
    ) -> Path:
        with av.open(str(path), "w") as made:
            stored = [np.ascontiguousarray(np.rot90(frame)) if turned else frame for frame in frames]
            video = made.add_stream(codec, rate=30, options={"crf": "8"} if codec == "libx264" else {})
            video.height, video.width = stored[0].shape[:2]
            video.pix_fmt, video.codec_context.time_base = pixels, RATE
            # So that damage shows where it is, and nowhere else.
            video.codec_context.gop_size = 1
            if turned:
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
