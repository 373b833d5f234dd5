"""How long model files take to run. Files are timed in turns: machines are shared, and milliseconds drift."""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from conversion.source.session import open_session
from conversion.tflite.interpreter import open_interpreter
from training.student.errors import BadInput

Inference = Callable[[], object]
"""Runs a model once, on inputs that it already has."""

TIMED = (".tflite", ".onnx")
"""What can be timed on any machine."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one inference: the median and the 90th percentile."""

    p50: float
    p90: float


def median_milliseconds(paths: Sequence[Path], *, runs: int) -> list[float]:
    """The median time of one inference of each file on one thread; the files take turns."""
    inferences = [open_inference(path, threads=1) for path in paths]
    return [latency.p50 for latency in time_in_turns(inferences, runs=runs)]


def time_in_turns(inferences: Sequence[Inference], *, runs: int) -> list[Latency]:
    """Run each once to warm up, then `runs` rounds in which each runs once."""
    for inference in inferences:
        inference()
    times: list[list[float]] = [[] for _ in inferences]
    for _ in range(runs):
        for inference, own in zip(inferences, times, strict=True):
            started = time.perf_counter()
            inference()
            own.append((time.perf_counter() - started) * 1e3)
    return [Latency(*(float(value) for value in np.quantile(own, (0.5, 0.9)))) for own in times]


def open_inference(path: Path, *, threads: int) -> Inference:
    """A model with noise as its input: a .tflite file in LiteRT with XNNPACK, an .onnx file in ONNX Runtime.

    Raises:
        BadInput: It is neither, cannot be opened, or leaves a size open other than the batch's.
    """
    if path.suffix not in TIMED:
        raise BadInput(f"{path} cannot be timed here; expected a file that ends in {' or '.join(TIMED)}")
    try:
        return _litert(path, threads) if path.suffix == ".tflite" else _onnxruntime(path, threads)
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    except Exception as error:  # each runtime raises its own kinds for a damaged file
        raise BadInput(f"{path} cannot be opened: {' '.join(str(error).split())}") from error


def operator_shares(path: Path, *, runs: int = 10) -> dict[str, float]:
    """The share of an ONNX file's time that each kind of operator takes, largest first; ONNX Runtime, one thread."""
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(path, threads=1, profile=Path(folder) / "profile")
        feed = _noise(session, path)
        for _ in range(runs):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    spent: dict[str, float] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            kind = event["args"]["op_name"]
            spent[kind] = spent.get(kind, 0.0) + event["dur"]
    whole = sum(spent.values()) or 1.0
    return {kind: part / whole for kind, part in sorted(spent.items(), key=lambda entry: -entry[1])}


def _litert(path: Path, threads: int) -> Inference:
    interpreter = open_interpreter(path.read_bytes(), threads=threads)
    rng = np.random.default_rng(0)
    for entry in interpreter.get_input_details():
        interpreter.set_tensor(entry["index"], (rng.random(entry["shape"]) * 255).astype(entry["dtype"]))
    invoke: Inference = interpreter.invoke
    return invoke


def _onnxruntime(path: Path, threads: int) -> Inference:
    session = open_session(path.read_bytes(), threads=threads)
    feed = _noise(session, path)
    return lambda: session.run(None, feed)


_DTYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(float16)": np.float16}


def _noise(session: Any, path: Path) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    feed = {}
    for entry in session.get_inputs():
        batch, *sizes = entry.shape
        if not all(isinstance(size, int) for size in sizes) or entry.type not in _DTYPES:
            raise BadInput(f"{path} has the input {entry.name} of {entry.type} {entry.shape}; fix its sizes to time it")
        shape = (batch if isinstance(batch, int) else 1, *sizes)
        feed[entry.name] = (rng.random(shape) * 255).astype(_DTYPES[entry.type])
    return feed
