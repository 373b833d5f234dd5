"""Merges pairs of nodes that MIL has one operator for: x · sigmoid(x), and MatMul with an Add."""

from collections.abc import Callable
from dataclasses import replace

from conversion.source.graph import Graph, Node


def fused(graph: Graph) -> Graph:
    """The graph with `Silu` and `Linear` nodes, which ONNX does not have, instead of pairs that compute the same."""
    for pair in (_silu, _linear):
        graph = _with_pairs(graph, pair)
    return graph


Pair = Callable[[Node, Node, Graph], Node | None]
"""From a node, the only reader of its output, and their graph, to the node that does the work of both."""


def _with_pairs(graph: Graph, pair: Pair) -> Graph:
    joined: dict[str, Node] = {}
    gone: set[str] = set()
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    for node in graph.nodes:
        readers_of = readers.get(node.outputs[0], [])
        if len(node.outputs) == len(readers_of) == 1 and node.outputs[0] not in graph.outputs:
            (reader,) = readers_of
            if reader.outputs[0] not in joined and (whole := pair(node, reader, graph)):
                joined[reader.outputs[0]] = whole
                gone.add(node.outputs[0])
    return replace(
        graph,
        nodes=tuple(joined.get(node.outputs[0], node) for node in graph.nodes if node.outputs[0] not in gone),
    )


def _silu(node: Node, reader: Node, graph: Graph) -> Node | None:
    """Sigmoid, then Mul with what the Sigmoid reads."""
    if node.operator != "Sigmoid" or reader.operator != "Mul":
        return None
    if sorted(reader.inputs) != sorted((node.inputs[0], node.outputs[0])):
        return None
    return Node("Silu", node.inputs, reader.outputs, name=reader.name)


def _linear(node: Node, reader: Node, graph: Graph) -> Node | None:
    """MatMul with a constant matrix, then Add of one constant per column."""
    if node.operator != "MatMul" or reader.operator != "Add" or node.inputs[1] not in graph.constants:
        return None
    (offset,) = (name for name in reader.inputs if name != node.outputs[0])
    columns = graph.shapes[node.inputs[1]][-1:]
    if len(graph.shapes[node.inputs[1]]) != 2 or offset not in graph.constants or graph.shapes[offset] != columns:
        return None
    return Node("Linear", (*node.inputs, offset), reader.outputs, name=node.name)
