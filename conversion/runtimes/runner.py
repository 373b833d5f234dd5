"""Every file of a student in every runtime as one function, from the input's pixels to logits.

An input is (height, width, 3) uint8 RGB, as `preprocess` makes it; logits are (channels, rows, columns) float32.

Files are opened in child processes, one each: they may come from anybody, and a malformed one may end its runtime.
The student's own checkpoint is read here: safetensors hold nothing that could.
"""

import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from conversion.runtimes.isolated import IsolatedModel
from training.student.arrays import Array, Floats, Pixels
from training.student.errors import BadInput

Runner = Callable[[Pixels], Floats]

Run = Callable[[Sequence[Array]], Sequence[Array]]
"""A model's inputs to its outputs."""


def torch_runner(path: Path) -> Runner:
    """The student itself, from its checkpoint."""
    from training.student.checkpoint import load_checkpoint
    from training.student.network import infer_logits

    student = load_checkpoint(path).student

    return lambda image: infer_logits(student, image)


def onnxruntime(path: Path) -> Runner:
    """ONNX Runtime on the CPU."""
    return channels_first_runner(_open("onnxruntime", path).run)


def litert(path: Path) -> Runner:
    """LiteRT with the XNNPACK delegate that phones use."""
    return channels_last_runner(_open("litert", path).run)


def litert_reference(path: Path) -> Runner:
    """LiteRT's reference kernels: slow and simple, and independent of XNNPACK."""
    return channels_last_runner(_open("litert", path, reference_kernels=True).run)


def tflite_runtime(path: Path) -> Runner:
    """tflite-runtime: the oldest runtime on phones, older than the name LiteRT."""
    return channels_last_runner(_open("tflite-runtime", path).run)


def coreml_executor(path: Path) -> Runner:
    """The saved Core ML program executed operator by operator, in float32."""
    return image_runner(_open("coreml-executor", path, rounding="fp32").run)


def coreml_executor_fp16(path: Path) -> Runner:
    """The same, with every operator's result rounded to float16 where the program says so."""
    return image_runner(_open("coreml-executor", path, rounding="fp16").run)


def coreml(path: Path) -> Runner:
    """Core ML itself; macOS only."""
    return image_runner(_open("coreml", path).run)


def channels_first_runner(run: Run) -> Runner:
    """A model from (1, 3, height, width) to (1, channels, rows, columns)."""
    return lambda image: run([image.transpose(2, 0, 1)[None]])[0][0]


def channels_last_runner(run: Run) -> Runner:
    """A model from (1, height, width, 3) to (1, rows, columns, channels)."""
    return lambda image: np.ascontiguousarray(run([image[None]])[0][0].transpose(2, 0, 1))


def image_runner(run: Run) -> Runner:
    """A model from an image to (1, channels, rows, columns)."""
    return lambda image: run([image])[0][0]


RUNTIMES: Mapping[str, Callable[[Path], Runner]] = MappingProxyType(
    {
        "torch": torch_runner,
        "onnxruntime": onnxruntime,
        "litert": litert,
        "litert-reference": litert_reference,
        "tflite-runtime": tflite_runtime,
        "coreml-executor": coreml_executor,
        "coreml-executor-fp16": coreml_executor_fp16,
        "coreml": coreml,
    }
)


def why_unavailable(runtime: str) -> str:
    """Why this machine cannot run that runtime; empty if it can."""
    if runtime == "coreml" and platform.system() != "Darwin":
        return "Core ML runs on macOS only"
    if runtime == "tflite-runtime":
        try:
            import tflite_runtime.interpreter  # noqa: F401
        except (ImportError, AttributeError) as error:
            return f"tflite-runtime is not usable here ({error}); it needs Python 3.11 and numpy 1"
    return ""


def _open(runtime: str, path: Path, **options: Any) -> IsolatedModel:
    if not path.exists():
        raise BadInput(f"no artefact at {path}; make it with `make export-coreml` or `make export-tflite`")
    return IsolatedModel(runtime, path, **options)
