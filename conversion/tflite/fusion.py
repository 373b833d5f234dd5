"""Rewrites of the graph that spare the phone work: normalisation into weights, activations into their producers."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.graph import Graph, Node

Array = NDArray[Any]

ATTRIBUTE = "fused_activation"
"""Not ONNX's: the TFLite name of the activation that a node applies to its own output."""

# By the bounds that they clip to; the only ones that TFLite's operators can apply by themselves.
ACTIVATIONS: Mapping[tuple[float, float], str] = {
    (0.0, math.inf): "RELU",
    (0.0, 6.0): "RELU6",
    (-1.0, 1.0): "RELU_N1_TO_1",
}

_TAKES_ACTIVATION = {"Add", "AveragePool", "BatchNormalization", "Conv", "Div", "MaxPool", "Mul", "Sub"}


def fused(graph: Graph) -> Graph:
    """The same function in fewer nodes."""
    return _with_activations_fused(_with_normalisation_folded(_with_outputs_named(graph)))


def clip_bounds(node: Node, graph: Graph) -> tuple[float, float] | None:
    """What a Relu or Clip clips to; None for other operators, and for bounds that are computed."""
    if node.operator == "Relu":
        return 0.0, math.inf
    if node.operator != "Clip":
        return None
    bounds = [float(node.attributes.get("min", -math.inf)), float(node.attributes.get("max", math.inf))]
    for i, name in enumerate(node.inputs[1:3]):
        if name and name not in graph.constants:
            return None
        if name:
            bounds[i] = float(graph.constants[name].reshape(-1)[0])
    return bounds[0], bounds[1]


def batch_normalisation(node: Node, graph: Graph) -> tuple[Array, Array] | None:
    """Factor and offset per channel, each (C,), of an inference-time BatchNormalization; None if not constant."""
    if node.attributes.get("training_mode", 0) or not all(name in graph.constants for name in node.inputs[1:5]):
        return None
    scale, offset, mean, variance = (graph.constants[name].astype(np.float64) for name in node.inputs[1:5])
    factor = scale / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    return factor, offset - mean * factor


def _with_outputs_named(graph: Graph) -> Graph:
    """What an Identity only renames to an output of the graph gets that name at once."""
    names = {
        node.inputs[0]: node.outputs[0]
        for node in graph.nodes
        if node.operator == "Identity" and node.inputs[0] not in (*graph.inputs, *graph.outputs, *graph.constants)
    }
    nodes = tuple(
        replace(
            node,
            inputs=tuple(names.get(name, name) for name in node.inputs),
            outputs=tuple(names.get(name, name) for name in node.outputs),
        )
        for node in graph.nodes
        if not (node.operator == "Identity" and names.get(node.inputs[0]) == node.outputs[0])
    )
    return replace(graph, nodes=nodes)


def _with_normalisation_folded(graph: Graph) -> Graph:
    """A BatchNormalization that alone reads a Conv becomes part of its weights and bias."""
    producers = _sole_producers(graph, {"Conv"})
    constants = dict(graph.constants)
    rewritten: dict[str, Node] = {}
    gone = set()
    for node in graph.nodes:
        conv = producers.get(node.inputs[0]) if node.operator == "BatchNormalization" else None
        folded = batch_normalisation(node, graph) if conv is not None else None
        if conv is None or folded is None or not all(name in constants for name in conv.inputs[1:] if name):
            continue
        factor, offset = folded
        weights = constants[conv.inputs[1]]
        bias = constants[conv.inputs[2]] if len(conv.inputs) > 2 and conv.inputs[2] else np.zeros(len(weights))
        names = (f"{node.outputs[0]}/weights", f"{node.outputs[0]}/bias")
        constants[names[0]] = (weights * factor.reshape(-1, *(1,) * (weights.ndim - 1))).astype(weights.dtype)
        constants[names[1]] = (bias * factor + offset).astype(weights.dtype)
        rewritten[conv.outputs[0]] = replace(conv, inputs=(conv.inputs[0], *names), outputs=node.outputs[:1])
        gone.add(node.outputs[0])
    return _rewritten(replace(graph, constants=constants), rewritten, gone)


def _with_activations_fused(graph: Graph) -> Graph:
    """A Relu or Clip that alone reads its producer is applied by the producer."""
    producers = _sole_producers(graph, _TAKES_ACTIVATION)
    rewritten: dict[str, Node] = {}
    gone = set()
    for node in graph.nodes:
        producer = producers.get(node.inputs[0]) if node.inputs else None
        activation = ACTIVATIONS.get(clip_bounds(node, graph) or (math.nan, math.nan))
        if producer is not None and activation is not None:
            attributes = {**producer.attributes, ATTRIBUTE: activation}
            rewritten[producer.outputs[0]] = replace(producer, attributes=attributes, outputs=node.outputs)
            gone.add(node.outputs[0])
    return _rewritten(graph, rewritten, gone)


def _sole_producers(graph: Graph, operators: set[str]) -> dict[str, Node]:
    """Nodes by their only output, where one node alone reads that and it is no output of the graph."""
    uses = Counter(name for node in graph.nodes for name in node.inputs)
    return {
        node.outputs[0]: node
        for node in graph.nodes
        if node.operator in operators
        and len(node.outputs) == 1
        and uses[node.outputs[0]] == 1
        and node.outputs[0] not in graph.outputs
    }


def _rewritten(graph: Graph, rewritten: Mapping[str, Node], gone: set[str]) -> Graph:
    """With the nodes that wrote the keys of `rewritten` replaced, and those that wrote `gone` left out."""
    nodes = tuple(rewritten.get(node.outputs[0], node) for node in graph.nodes if node.outputs[0] not in gone)
    return replace(graph, nodes=nodes)
