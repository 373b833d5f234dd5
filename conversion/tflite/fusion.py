"""Rewrites of the graph that spare the phone work: activations into their producers."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from conversion.graph import Graph, Node

ATTRIBUTE = "fused_activation"
"""Not ONNX's: the TFLite name of the activation that a node applies to its own output."""

# By the bounds that they clip to; the only ones that TFLite's operators can apply by themselves.
ACTIVATIONS: Mapping[tuple[float, float], str] = {
    (0.0, math.inf): "RELU",
    (0.0, 6.0): "RELU6",
    (-1.0, 1.0): "RELU_N1_TO_1",
}

_TAKES_ACTIVATION = {"Add", "AveragePool", "Conv", "Div", "MaxPool", "Mul", "Sub"}


def fused(graph: Graph) -> Graph:
    """The same function in fewer nodes."""
    return _with_activations_fused(graph)


def clip_bounds(node: Node) -> tuple[float, float] | None:
    """What a Relu or Clip clips to; None for other operators."""
    if node.operator == "Relu":
        return 0.0, math.inf
    if node.operator != "Clip":
        return None
    return node.attributes["min"], node.attributes["max"]


def _with_activations_fused(graph: Graph) -> Graph:
    """A Relu or Clip that alone reads its producer is applied by the producer."""
    producers = _sole_producers(graph, _TAKES_ACTIVATION)
    rewritten: dict[str, Node] = {}
    gone = set()
    for node in graph.nodes:
        producer = producers.get(node.inputs[0]) if node.inputs else None
        activation = ACTIVATIONS.get(clip_bounds(node) or (math.nan, math.nan))
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
