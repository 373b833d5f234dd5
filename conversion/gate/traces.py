"""The tensors inside an artefact while it runs on an input, in the same runtime that the gate judges.

A TFLite file is run with every tensor as an output. A Core ML program is executed step by step in any case.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from conversion.coreml.builder import allowed_name
from conversion.coreml.executor import Rounding, load
from conversion.source.graph import Graph
from conversion.tflite import layout
from conversion.tflite.emitter import orders
from conversion.tflite.interpreter import open_interpreter
from conversion.tflite.packing import expose_tensors
from training.student.arrays import Array, Pixels

Tracer = Callable[[Pixels], Mapping[str, Array]]
"""From an input (H, W, 3) to those tensors of the graph that the artefact has, in the graph's axis order."""


def litert(path: Path, graph: Graph) -> Tracer:
    """LiteRT with XNNPACK."""
    return _interpreted(open_interpreter(expose_tensors(path.read_bytes())), graph)


def litert_reference(path: Path, graph: Graph) -> Tracer:
    """LiteRT's reference kernels."""
    return _interpreted(open_interpreter(expose_tensors(path.read_bytes()), reference_kernels=True), graph)


def tflite_runtime(path: Path, graph: Graph) -> Tracer:
    """The oldest runtime that phones carry."""
    from tflite_runtime.interpreter import Interpreter

    interpreter = Interpreter(model_content=expose_tensors(path.read_bytes()), num_threads=1)
    interpreter.allocate_tensors()
    return _interpreted(interpreter, graph)


def coreml_executor(path: Path, graph: Graph) -> Tracer:
    """The saved Core ML program in float32."""
    return _executed(path, graph, "fp32")


def coreml_executor_fp16(path: Path, graph: Graph) -> Tracer:
    """The same with float16 rounding after each step."""
    return _executed(path, graph, "fp16")


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


def _interpreted(interpreter: Any, graph: Graph) -> Tracer:
    (entry,) = interpreter.get_input_details()
    details = {detail["name"]: detail for detail in interpreter.get_output_details()}
    found = {
        name: (details[name], np.argsort(order))
        for name, order in orders(graph).items()
        if name in details and tuple(details[name]["shape"]) == layout.laid_out(graph.shapes[name], order)
    }

    def trace(image: Pixels) -> dict[str, Array]:
        interpreter.set_tensor(entry["index"], image[None].astype(entry["dtype"]))
        interpreter.invoke()
        return {
            name: _real(interpreter.get_tensor(detail["index"]), detail).transpose(axes)
            for name, (detail, axes) in found.items()
        }

    return trace


def _real(stored: Array, detail: Mapping[str, Any]) -> Array:
    """A quantised tensor as real numbers; others as they are."""
    scale, zero_point = detail["quantization"]
    return stored if scale == 0 else ((stored.astype(np.float32) - zero_point) * scale).astype(np.float32)


def _executed(path: Path, graph: Graph, rounding: Rounding) -> Tracer:
    program = load(path)
    names = Counter(map(allowed_name, graph.shapes))

    def trace(image: Pixels) -> dict[str, Array]:
        found = dict(program.trace(program.feeds(image), rounding=rounding))
        # Where mending gave two tensors one name, nobody can tell which is which.
        return {
            tensor: found[allowed_name(tensor)]
            for tensor, shape in graph.shapes.items()
            if names[allowed_name(tensor)] == 1
            and allowed_name(tensor) in found
            and found[allowed_name(tensor)].shape == shape
        }

    return trace
