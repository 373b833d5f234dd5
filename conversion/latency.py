"""How long model files take to run. Files are timed in turns: machines are shared, and milliseconds drift."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from conversion.runtimes.isolated import IsolatedModel
from training.student.errors import BadInput, one_line

Inference = Callable[[], float]
"""Runs a model once, on inputs that it already has; the milliseconds that it took."""

RUNTIME = {".tflite": "litert", ".onnx": "onnxruntime"}
"""What is timed, by suffix, and in which runtime."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one inference: the median and the 90th percentile."""

    p50: float
    p90: float


def median_milliseconds(paths: Sequence[Path], *, runs: int) -> list[float]:
    """The median time of one inference of each file on one thread; the files take turns."""
    inferences = [open_timed(path, threads=1).milliseconds for path in paths]
    return [latency.p50 for latency in time_in_turns(inferences, runs=runs)]


def time_in_turns(inferences: Sequence[Inference], *, runs: int) -> list[Latency]:
    """Run each once to warm up, then `runs` rounds in which each runs once."""
    for inference in inferences:
        inference()
    rounds = [[inference() for inference in inferences] for _ in range(runs)]
    return [Latency(*(float(value) for value in np.quantile(own, (0.5, 0.9)))) for own in zip(*rounds, strict=True)]


def open_timed(path: Path, *, threads: int) -> IsolatedModel:
    """A model that has run once on noise: a .tflite file in LiteRT with XNNPACK, an .onnx file in ONNX Runtime.

    It is timed in its own process, so that what lies between costs nothing.

    Raises:
        BadInput: It is neither, cannot be opened or run, or leaves a size open other than the batch's.
    """
    if path.suffix not in RUNTIME:
        raise BadInput(f"{path} cannot be timed here; expected a file that ends in {' or '.join(RUNTIME)}")
    try:
        path.open("rb").close()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    model = IsolatedModel(RUNTIME[path.suffix], path, threads=threads)
    try:
        model.milliseconds()
    except RuntimeError as error:
        raise BadInput(f"{path} cannot be run: {one_line(error)}") from error
    return model


def peak_megabytes(path: Path) -> float | None:
    """What opening a model file and running it three times adds to a process at its peak, in MB; None off Linux.

    Raises:
        BadInput: As `open_timed`.
    """
    model = open_timed(path, threads=1)
    for _ in range(2):
        model.milliseconds()
    return model.peak_megabytes()


def operator_shares(path: Path) -> dict[str, float]:
    """The share of an ONNX file's time that each kind of operator takes, largest first; ONNX Runtime, one thread."""
    shares: dict[str, float] = IsolatedModel("onnxruntime", path, threads=1).tell("operator_shares")
    return shares
