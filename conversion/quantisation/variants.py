"""All that one target can make of one graph: a file at each precision, on demand, sharing what they have in common."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from conversion.artefact.kinds import DEFAULTS, Precision
from conversion.artefact.metadata import carried
from conversion.quantisation.float16_audit import Float16Risk, float16_risks
from conversion.quantisation.rounding import with_kept_sums
from conversion.runtimes.runner import Runner, interpreter_runner, program_runner
from conversion.source.graph import Graph
from conversion.tflite.interpreter import open_interpreter
from training.student.atomic_write import atomic_path
from training.student.contract import Contract
from training.student.errors import BadInput

Inputs = Sequence[NDArray[np.uint8]]
Logits = NDArray[np.float32]


T = TypeVar("T")


class Variants(Protocol):
    """A target's files of one graph."""

    def sensitivity(self, precision: Precision, inputs: Inputs, expected: Sequence[Logits]) -> dict[str, float]:
        """The mean squared error of the logits that each layer alone causes at a precision.

        Layers are what may be kept in higher precision, by name; there are none in fp32 and fp16.
        """

    def float16_risks(self, precision: Precision) -> tuple[Float16Risk, ...]:
        """What stays float32 where a precision computes in float16, as the inputs show; nothing without inputs."""

    def write(self, precision: Precision, path: Path, kept: Collection[str] = ()) -> int | None:
        """Write the file of a precision; the number of XNNPACK partitions where the target has such a thing.

        Raises:
            BadInput: The precision needs calibration, and there is none.
            ConversionRefused: The target cannot express the graph.
        """


class TFLite:
    """One flatbuffer each."""

    def __init__(self, graph: Graph, metadata: Mapping[str, str], inputs: Inputs) -> None:
        """Of a typed graph; `inputs` are what ranges are measured on."""
        # Imported at once, so that the time of a conversion is its own.
        from conversion.tflite import emitter, partitions, quantise

        self._emitter, self._partitions, self._quantise = emitter, partitions, quantise
        self._graph, self._metadata, self._inputs = graph, metadata, inputs
        self._source = cache(self._emit)
        self._ranges = cache(self._calibrate)

    def sensitivity(self, precision: Precision, inputs: Inputs, expected: Sequence[Logits]) -> dict[str, float]:
        """See `Variants`."""
        if precision in DEFAULTS:
            return {}
        layers = self._quantise.layers(self._source(_grid(precision)), precision)
        found = {}
        for layer in _listed(layers, f"tflite {precision}"):
            model = self._bytes(precision, [other for other in layers if other != layer])
            found[layer] = _error(interpreter_runner(open_interpreter(model)), inputs, expected)
        return found

    def float16_risks(self, precision: Precision) -> tuple[Float16Risk, ...]:
        """See `Variants`; float16 is for weights alone here."""
        return ()

    def write(self, precision: Precision, path: Path, kept: Collection[str] = ()) -> int | None:
        """See `Variants`."""
        model = self._bytes(precision, kept)
        with atomic_path(path) as temporary:
            temporary.write_bytes(model)
        return self._partitions.partitions(model).count

    def _bytes(self, precision: Precision, kept: Collection[str]) -> bytes:
        if precision == "fp32":
            return self._source(None)
        if precision == "fp16":
            graph = with_kept_sums(self._graph, "fp16")
            return self._emitter.emit(graph, precision="fp16", metadata=self._metadata)
        ranges = self._ranges() if self._quantise.needs_ranges(precision) else None
        return self._quantise.quantise(self._source(_grid(precision)), precision, ranges, kept)

    def _emit(self, grid: Literal["fp16", "int8"] | None) -> bytes:
        graph = with_kept_sums(self._graph, grid) if grid else self._graph
        return self._emitter.emit(graph, precision="fp32", metadata=self._metadata)

    def _calibrate(self) -> Mapping[str, Any]:
        if not self._inputs:
            raise BadInput("int8 and int16 need photos to measure ranges on; export a run, or choose w8 or fp16")
        return self._quantise.calibrate(self._source("int8"), self._inputs)


def _error(runner: Runner, inputs: Inputs, expected: Sequence[Logits]) -> float:
    return float(np.mean([np.square(runner(image) - one).mean() for image, one in zip(inputs, expected, strict=True)]))


def _listed(layers: Collection[T], what: str) -> "tqdm[T]":
    return tqdm(layers, f"rank {what}", unit="layer", leave=False)


def _grid(precision: Precision) -> Literal["fp16", "int8"]:
    """What a TFLite precision rounds depthwise kernels to."""
    return "fp16" if precision == "w8" else "int8"


class CoreML:
    """One package each; operators at risk stay float32 in all that compute in float16."""

    def __init__(self, graph: Graph, metadata: Mapping[str, str], inputs: Inputs) -> None:
        """Of a typed graph; on `inputs`, which may be none, float16 is audited."""
        from conversion.coreml import compress, emitter, executor
        from conversion.coreml.toolbox import load_coremltools

        load_coremltools()
        self._compress, self._emitter, self._executor = compress, emitter, executor
        self._graph, self._metadata, self._inputs = graph, metadata, inputs
        self._folder = Path(tempfile.mkdtemp())
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._half = cache(self._emit_half)
        self._risks = cache(self._audit)

    def sensitivity(self, precision: Precision, inputs: Inputs, expected: Sequence[Logits]) -> dict[str, float]:
        """See `Variants`."""
        if precision in DEFAULTS:
            return {}
        self.write(precision, self._folder / "whole.mlpackage")
        half, whole = (self._executor.load(path) for path in (self._half(), self._folder / "whole.mlpackage"))
        found = {}
        for layer, readers in _listed(self._compress.layers(self._half()).items(), f"coreml {precision}"):
            steps = (new if new.name in readers else old for old, new in zip(half.steps, whole.steps, strict=True))
            found[layer] = _error(program_runner(replace(half, steps=tuple(steps)), "fp16"), inputs, expected)
        return found

    def float16_risks(self, precision: Precision) -> tuple[Float16Risk, ...]:
        """See `Variants`."""
        return () if precision == "fp32" else self._risks()

    def write(self, precision: Precision, path: Path, kept: Collection[str] = ()) -> int | None:
        """See `Variants`."""
        if precision in ("fp32", "fp16"):
            graph = with_kept_sums(self._graph, "fp16") if precision == "fp16" else self._graph
            single = [risk.tensor for risk in self.float16_risks(precision)]
            self._emitter.emit(graph, path, precision=precision, metadata=self._metadata, single=single)
        else:
            self._compress.compress(self._half(), path, precision, kept)
        return None

    def _audit(self) -> tuple[Float16Risk, ...]:
        return float16_risks(with_kept_sums(self._graph, "fp16"), self._inputs) if self._inputs else ()

    def _emit_half(self) -> Path:
        path = self._folder / "half.mlpackage"
        self.write("fp16", path)
        return path


_TARGETS: Mapping[str, Callable[[Graph, Mapping[str, str], Inputs], Variants]] = MappingProxyType(
    {"coreml": CoreML, "tflite": TFLite}
)


def variants(target: str, graph: Graph, contract: Contract | None = None, inputs: Inputs = ()) -> Variants:
    """What a target makes of a typed graph.

    Args:
        target: `coreml` or `tflite`.
        graph: What to convert.
        contract: Carried inside each file.
        inputs: (height, width, 3) each, preprocessed; ranges are measured on them where a precision fixes ranges.
    """
    return _TARGETS[target](graph, carried(graph.metadata, contract), inputs)
