"""The variants of one graph for one target: a file in each precision, made on demand, with shared work done once."""

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
from tqdm import tqdm

from conversion.artefact.kinds import DEFAULTS, Precision
from conversion.artefact.metadata import embedded_metadata
from conversion.quantisation.float16_audit import Float16Risk, float16_risks
from conversion.quantisation.rounding import with_kept_sums
from conversion.runtimes.runner import Runner, channels_last_runner, image_runner
from conversion.source.graph import Graph
from conversion.tflite.interpreter import open_interpreter
from training.student.arrays import Floats, Pixels
from training.student.atomic_write import atomic_path
from training.student.contract import Contract
from training.student.errors import BadInput

Inputs = Sequence[Pixels]


T = TypeVar("T")


class Variants(Protocol):
    """One target's files of one graph."""

    def sensitivity(self, precision: Precision, inputs: Inputs, expected: Sequence[Floats]) -> dict[str, float]:
        """By layer: the mean squared error of the logits if this layer alone is in that precision.

        Layers are what may stay in higher precision, by name; there are none in fp32 and fp16.
        """

    def float16_risks(self, precision: Precision) -> tuple[Float16Risk, ...]:
        """The operators that stay float32 in a precision that computes in float16; none without inputs to audit on."""

    def write(self, precision: Precision, path: Path, kept: Collection[str] = ()) -> int | None:
        """Write the file of a precision, and give its number of XNNPACK partitions; None for Core ML.

        Raises:
            BadInput: The precision needs calibration, and there is none.
            ConversionRefused: The target cannot express the graph.
        """


class TFLite:
    """TFLite: each variant is a flatbuffer."""

    def __init__(self, graph: Graph, metadata: Mapping[str, str], inputs: Inputs) -> None:
        """Variants of a typed graph; ranges are measured on `inputs`."""
        # Imported here, so that the measured time of a conversion does not include it.
        from conversion.tflite import emitter, partitions, quantise

        self._emitter, self._partitions, self._quantise = emitter, partitions, quantise
        self._graph, self._metadata, self._inputs = graph, metadata, inputs
        self._source = cache(self._emit)
        self._ranges = cache(self._calibrate)

    def sensitivity(self, precision: Precision, inputs: Inputs, expected: Sequence[Floats]) -> dict[str, float]:
        """See `Variants`."""
        from conversion.runtimes.litert import wrap_interpreter

        if precision in DEFAULTS:
            return {}
        layers = self._quantise.layers(self._source(_grid(precision)), precision)
        found = {}
        for layer in _listed(layers, f"tflite {precision}"):
            model = self._bytes(precision, [other for other in layers if other != layer])
            found[layer] = _error(channels_last_runner(wrap_interpreter(open_interpreter(model)).run), inputs, expected)
        return found

    def float16_risks(self, precision: Precision) -> tuple[Float16Risk, ...]:
        """See `Variants`; in TFLite only weights are float16."""
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


def _error(runner: Runner, inputs: Inputs, expected: Sequence[Floats]) -> float:
    return float(np.mean([np.square(runner(image) - one).mean() for image, one in zip(inputs, expected, strict=True)]))


def _listed(layers: Collection[T], what: str) -> "tqdm[T]":
    return tqdm(layers, f"rank {what}", unit="layer", leave=False)


def _grid(precision: Precision) -> Literal["fp16", "int8"]:
    """The grid to which a TFLite precision rounds depthwise kernels."""
    return "fp16" if precision == "w8" else "int8"


class CoreML:
    """Core ML: each variant is a package; operators at risk stay float32 in those that compute in float16."""

    def __init__(self, graph: Graph, metadata: Mapping[str, str], inputs: Inputs) -> None:
        """Variants of a typed graph; float16 is audited on `inputs`, if there are any."""
        from conversion.coreml import compress, emitter, executor
        from conversion.coreml.toolbox import load_coremltools

        load_coremltools()
        self._compress, self._emitter, self._executor = compress, emitter, executor
        self._graph, self._metadata, self._inputs = graph, metadata, inputs
        self._folder = Path(tempfile.mkdtemp())
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._half = cache(self._emit_half)
        self._risks = cache(self._audit)

    def sensitivity(self, precision: Precision, inputs: Inputs, expected: Sequence[Floats]) -> dict[str, float]:
        """See `Variants`."""
        from conversion.runtimes.coreml_executor import wrap_program

        if precision in DEFAULTS:
            return {}
        self.write(precision, self._folder / "whole.mlpackage")
        half, whole = (self._executor.load(path) for path in (self._half(), self._folder / "whole.mlpackage"))
        found = {}
        for layer, readers in _listed(self._compress.layers(self._half()).items(), f"coreml {precision}"):
            steps = (new if new.name in readers else old for old, new in zip(half.steps, whole.steps, strict=True))
            mixed = wrap_program(replace(half, steps=tuple(steps)), "fp16")
            found[layer] = _error(image_runner(mixed.run), inputs, expected)
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
    """The variants of a typed graph for one target.

    Args:
        target: `coreml` or `tflite`.
        graph: What to convert.
        contract: Carried inside each file.
        inputs: (height, width, 3) each, preprocessed; needed where a precision needs measured ranges.
    """
    return _TARGETS[target](graph, embedded_metadata(graph.metadata, contract), inputs)
