"""Writes the typed graph back as ONNX, so that any ONNX runtime can run what the emitters read."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info

from conversion.source.graph import Graph, Node
from training.student.arrays import Array

OPSET = 21
"""The oldest with every operator of the canonical form that the common runtimes read."""

_Parameters = list[Array | None]
"""Inputs behind the data; None leaves one out."""


def as_onnx(graph: Graph, outputs: Sequence[str] | None = None) -> onnx.ModelProto:
    """An ONNX model that computes `outputs` of the graph, any of its tensors; by default its own."""
    nodes: list[onnx.NodeProto] = []
    constants = dict(graph.constants)
    for place, node in enumerate(graph.nodes):
        parameters, attributes = _INPUTS.get(node.operator, _none)(node, graph)
        inputs = list(node.inputs)
        for value in parameters:
            inputs.append("" if value is None else f"{place}/{len(inputs)}")
            if value is not None:
                constants[inputs[-1]] = value
        nodes.append(make_node(node.operator, inputs, node.outputs, **attributes))

    def info(name: str) -> onnx.ValueInfoProto:
        return make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(graph.dtypes[name]), graph.shapes[name]
        )

    body = make_graph(
        nodes,
        "graph",
        [info(name) for name in graph.inputs],
        [info(name) for name in (graph.outputs if outputs is None else outputs)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return make_model(body, opset_imports=[make_opsetid("", OPSET)], ir_version=10)


def _none(node: Node, graph: Graph) -> tuple[_Parameters, dict[str, Any]]:
    return [], dict(node.attributes)


def _apart(*names: str) -> Callable[[Node, Graph], tuple[_Parameters, dict[str, Any]]]:
    """These attributes are inputs in ONNX, in this order."""

    def split(node: Node, graph: Graph) -> tuple[_Parameters, dict[str, Any]]:
        kept = {name: value for name, value in node.attributes.items() if name not in names}
        return [np.asarray(node.attributes[name], np.int64) for name in names if name in node.attributes], kept

    return split


def _shape(node: Node, graph: Graph) -> tuple[_Parameters, dict[str, Any]]:
    return [np.asarray(graph.shapes[node.outputs[0]], np.int64)], {}


def _slice(node: Node, graph: Graph) -> tuple[_Parameters, dict[str, Any]]:
    starts, ends, steps = (np.asarray(node.attributes[name], np.int64) for name in ("starts", "ends", "steps"))
    # ONNX counts an end of −1 from the last element; ours lies before the first.
    ends[ends < 0] = np.iinfo(np.int64).min
    return [starts, ends, np.arange(len(starts)), steps], {}


def _pad(node: Node, graph: Graph) -> tuple[_Parameters, dict[str, Any]]:
    fill = np.asarray(node.attributes["value"], graph.dtypes[node.inputs[0]])
    return [np.asarray(node.attributes["pads"], np.int64), fill], {"mode": node.attributes["mode"]}


def _clip(node: Node, graph: Graph) -> tuple[_Parameters, dict[str, Any]]:
    bounds = (node.attributes[name] for name in ("min", "max"))
    dtype = graph.dtypes[node.inputs[0]]
    return [np.asarray(bound, dtype) if np.isfinite(bound) else None for bound in bounds], {}


def _resize(node: Node, graph: Graph) -> tuple[_Parameters, dict[str, Any]]:
    attributes = dict(node.attributes)
    scales = attributes.pop("scales")
    shape, resized = graph.shapes[node.inputs[0]], graph.shapes[node.outputs[0]]
    if scales == tuple(out / size for size, out in zip(shape, resized, strict=True)):
        return [None, None, np.asarray(resized, np.int64)], attributes
    return [None, np.asarray(scales, np.float32)], attributes


def _cast(node: Node, graph: Graph) -> tuple[_Parameters, dict[str, Any]]:
    return [], {"to": onnx.helper.np_dtype_to_tensor_dtype(np.dtype(node.attributes["to"]))}


_INPUTS: Mapping[str, Callable[[Node, Graph], tuple[_Parameters, dict[str, Any]]]] = {
    "Cast": _cast,
    "Clip": _clip,
    "Expand": _shape,
    "Gather": _apart("indices"),
    "Pad": _pad,
    "ReduceMax": _apart("axes"),
    "ReduceMean": _apart("axes"),
    "ReduceMin": _apart("axes"),
    "ReduceProd": _apart("axes"),
    "ReduceSum": _apart("axes"),
    "Reshape": _shape,
    "Resize": _resize,
    "Slice": _slice,
    "Split": _apart("split"),
    "Tile": _apart("repeats"),
}
