"""The tensors inside an artefact while it runs on an input, in the same runtime that the gate judges.

A TFLite file is run with every tensor as an output. A Core ML program is executed step by step in any case.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from conversion.coreml.builder import allowed_name
from conversion.runtimes.isolated import IsolatedModel
from conversion.source.graph import Graph
from conversion.tflite import layout
from conversion.tflite.emitter import orders
from training.student.arrays import Array, Pixels

Tracer = Callable[[Pixels], Mapping[str, Array]]
"""From an input (H, W, 3) to those tensors of the graph that the artefact has, in the graph's axis order."""


def litert(path: Path, graph: Graph) -> Tracer:
    """LiteRT with XNNPACK."""
    return _channels_last(IsolatedModel("litert", path, every_tensor=True), graph)


def litert_reference(path: Path, graph: Graph) -> Tracer:
    """LiteRT's reference kernels."""
    return _channels_last(IsolatedModel("litert", path, every_tensor=True, reference_kernels=True), graph)


def tflite_runtime(path: Path, graph: Graph) -> Tracer:
    """The oldest runtime that phones carry."""
    return _channels_last(IsolatedModel("tflite-runtime", path, every_tensor=True), graph)


def coreml_executor(path: Path, graph: Graph) -> Tracer:
    """The saved Core ML program in float32."""
    return _executed(IsolatedModel("coreml-executor", path, every_tensor=True, rounding="fp32"), graph)


def coreml_executor_fp16(path: Path, graph: Graph) -> Tracer:
    """The same with float16 rounding after each step."""
    return _executed(IsolatedModel("coreml-executor", path, every_tensor=True, rounding="fp16"), graph)


TRACERS: Mapping[str, Callable[[Path, Graph], Tracer]] = MappingProxyType(
    {
        "litert": litert,
        "litert-reference": litert_reference,
        "tflite-runtime": tflite_runtime,
        "coreml-executor": coreml_executor,
        "coreml-executor-fp16": coreml_executor_fp16,
    }
)
"""By runtime, see `runner.RUNTIMES`. Core ML itself gives no access to its tensors."""


def _channels_last(model: IsolatedModel, graph: Graph) -> Tracer:
    places = {tensor.name: place for place, tensor in enumerate(model.outputs)}
    grids = model.tell("quantization")
    found = {
        name: (places[name], np.argsort(order))
        for name, order in orders(graph).items()
        if name in places and model.outputs[places[name]].shape == layout.laid_out(graph.shapes[name], order)
    }

    def trace(image: Pixels) -> dict[str, Array]:
        stored = model.run([image[None]])
        return {name: _real(stored[place], *grids[place]).transpose(axes) for name, (place, axes) in found.items()}

    return trace


def _real(stored: Array, scale: float, zero_point: int) -> Array:
    """A quantised tensor as real numbers; others as they are."""
    return stored if scale == 0 else ((stored.astype(np.float32) - zero_point) * scale).astype(np.float32)


def _executed(model: IsolatedModel, graph: Graph) -> Tracer:
    names = Counter(map(allowed_name, graph.shapes))

    def trace(image: Pixels) -> dict[str, Array]:
        found = {tensor.name: value for tensor, value in zip(model.outputs, model.run([image]), strict=True)}
        # Where mending gave two tensors one name, nobody can tell which is which.
        return {
            tensor: found[allowed_name(tensor)]
            for tensor, shape in graph.shapes.items()
            if names[allowed_name(tensor)] == 1
            and allowed_name(tensor) in found
            and found[allowed_name(tensor)].shape == shape
        }

    return trace
