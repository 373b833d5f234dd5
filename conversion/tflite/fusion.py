"""Merges nodes that one TFLite operator computes together, such as Conv and Relu."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from conversion.source.graph import Graph, Node

ATTRIBUTE = "fused_activation"
"""An attribute that ONNX does not have: the TFLite name of the activation that a node applies to its output."""

# By the bounds that they clip to; the only ones that TFLite's operators can apply by themselves.
ACTIVATIONS: Mapping[tuple[float, float], str] = {
    (0.0, math.inf): "RELU",
    (0.0, 6.0): "RELU6",
    (-1.0, 1.0): "RELU_N1_TO_1",
}

_TAKES_ACTIVATION = {"Add", "AveragePool", "Conv", "Div", "MatMul", "MaxPool", "Mul", "Sub"}
_BROADCASTS = {"Add", "And", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Min", "Mul"}
_BROADCASTS |= {"Or", "Pow", "Sub", "Where"}


def fused(graph: Graph) -> Graph:
    """The same function in fewer nodes."""
    graph = _with_expansion_left_to_readers(graph)
    return _merged(_merged(graph, _with_bias), _with_activation)


def bounds(node: Node) -> tuple[float, float]:
    """What a Relu or Clip clips to."""
    return (0.0, math.inf) if node.operator == "Relu" else (node.attributes["min"], node.attributes["max"])


def _with_activation(producer: Node, node: Node, graph: Graph) -> Node | None:
    """A Relu or Clip is applied by its producer."""
    if node.operator not in ("Relu", "Clip") or ATTRIBUTE in producer.attributes:
        return None
    # BATCH_MATMUL has no activation of its own, FULLY_CONNECTED has.
    is_batched = producer.operator == "MatMul" and not _is_matrix(producer, graph)
    activation = ACTIVATIONS.get(bounds(node))
    if activation is None or is_batched or producer.operator not in _TAKES_ACTIVATION:
        return None
    return replace(producer, attributes={**producer.attributes, ATTRIBUTE: activation}, outputs=node.outputs)


def _with_bias(producer: Node, node: Node, graph: Graph) -> Node | None:
    """An Add along the last axis of a product by constant weights becomes the product's bias, its third input."""
    if node.operator != "Add" or not _is_matrix(producer, graph) or len(producer.inputs) > 2:
        return None
    added = next((name for name in node.inputs if name in graph.constants), None)
    if added is None or graph.shapes[node.outputs[0]] != graph.shapes[producer.outputs[0]]:
        return None
    if graph.constants[added].size not in (1, *graph.shapes[added][-1:]):
        return None
    return replace(producer, inputs=(*producer.inputs, added), outputs=node.outputs)


def _is_matrix(node: Node, graph: Graph) -> bool:
    """Whether a node multiplies by a constant matrix on the right."""
    return node.operator == "MatMul" and node.inputs[1] in graph.constants and len(graph.shapes[node.inputs[1]]) == 2


def _merged(graph: Graph, fuse: Callable[[Node, Node, Graph], Node | None]) -> Graph:
    """The graph with each node merged into its producer, where it is the only reader and `fuse` can merge them."""
    uses = Counter(name for node in graph.nodes for name in node.inputs)
    written: dict[str, Node] = {}
    for node in graph.nodes:
        sole = [name for name in node.inputs if name in written and uses[name] == 1 and name not in graph.outputs]
        merged = ((name, fuse(written[name], node, graph)) for name in sole if len(written[name].outputs) == 1)
        name, kept = next(((name, both) for name, both in merged if both is not None), ("", node))
        written.pop(name, None)
        written[kept.outputs[0]] = kept
    return replace(graph, nodes=tuple(written.values()))


def _with_expansion_left_to_readers(graph: Graph) -> Graph:
    """Remove each Expand whose readers all broadcast to the same shape by themselves."""
    sources: dict[str, str] = {}
    for node in graph.nodes:
        output = node.outputs[0]
        if node.operator == "Expand" and output not in graph.outputs:
            without = {**sources, output: node.inputs[0]}
            if all(_is_kept_in_shape(reader, without, graph) for reader in graph.readers(output)):
                sources = without
    nodes = (
        replace(node, inputs=tuple(sources.get(name, name) for name in node.inputs))
        for node in graph.nodes
        if node.outputs[0] not in sources
    )
    return replace(graph, nodes=tuple(nodes))


def _is_kept_in_shape(node: Node, sources: Mapping[str, str], graph: Graph) -> bool:
    shapes = (graph.shapes[sources.get(name, name)] for name in node.inputs)
    return node.operator in _BROADCASTS and np.broadcast_shapes(*shapes) == graph.shapes[node.outputs[0]]
