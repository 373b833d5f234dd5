"""Runs a graph on each target: emits it to a file, runs the file, and returns outputs in ONNX's own axis order."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from conversion.source.graph import Graph
from training.student.arrays import Array


def run_tflite(graph: Graph, inputs: Mapping[str, Array], *, reference_kernels: bool = True) -> dict[str, Array]:
    """Run a graph as a TFLite file, in LiteRT's reference kernels or else in XNNPACK.

    Raises:
        ConversionRefused: TFLite cannot express the graph.
    """
    from conversion.tflite import layout
    from conversion.tflite.emitter import emit
    from conversion.tflite.interpreter import open_interpreter

    interpreter = open_interpreter(emit(graph, precision="fp32", metadata={}), reference_kernels=reference_kernels)
    for described in interpreter.get_input_details():
        given = layout.to_file(np.asarray(inputs[described["name"]]))
        interpreter.set_tensor(described["index"], given.astype(described["dtype"]))
    interpreter.invoke()
    return {
        described["name"]: layout.to_graph(interpreter.get_tensor(described["index"]))
        for described in interpreter.get_output_details()
    }


def run_coreml(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Run a graph as a saved Core ML package, in the executor, in float32.

    Raises:
        ConversionRefused: Core ML cannot express the graph, or the executor cannot run it.
    """
    from conversion.coreml import executor
    from conversion.coreml.emitter import emit

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.mlpackage"
        emit(graph, path, precision="fp32", metadata={}, image=False)
        program = executor.load(path)
    # Core ML allows only letters, digits and underscores in names, so the names in the package may differ.
    given = {
        variable.name: np.asarray(inputs[name]) for variable, name in zip(program.inputs, graph.inputs, strict=True)
    }
    outputs = program.evaluate(given, rounding="fp32")
    return dict(zip(graph.outputs, outputs.values(), strict=True))


GRAPH_RUNNERS: Mapping[str, Callable[[Graph, Mapping[str, Array]], dict[str, Array]]] = {
    "TFLite": run_tflite,
    "Core ML": run_coreml,
}
