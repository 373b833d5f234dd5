"""Runs the typed graph in ONNX Runtime, one operator at a time, so that any tensor can be read or changed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from conversion.source.as_onnx import as_onnx
from conversion.source.graph import Graph, Node
from conversion.source.session import open_session
from training.student.arrays import Array

Values = Mapping[str, Array]
"""Tensors by name, in the graph's axis order."""


class Reference:
    """A graph whose operators can be run each on its own, in the order of execution."""

    def __init__(self, graph: Graph) -> None:
        """Prepare every operator of `graph`."""
        self.graph = graph
        self._sessions = [_session(node, graph) for node in graph.nodes]

    def trace(self, *inputs: Array) -> dict[str, Array]:
        """Every tensor that is no constant, by name, from the graph's inputs in order; they are included."""
        values = dict(zip(self.graph.inputs, inputs, strict=True))
        for place in range(len(self.graph.nodes)):
            values.update(self.step(place, values))
        return values

    def step(self, place: int, values: Values) -> dict[str, Array]:
        """What the node at `place` writes, given at least what it reads."""
        node = self.graph.nodes[place]
        found = self._sessions[place].run(None, {name: values[name] for name in self.reads(node)})
        return dict(zip((name for name in node.outputs if name), found, strict=True))

    def resume(self, after: int, values: Values) -> dict[str, Array]:
        """The graph's outputs, when its nodes up to place `after` (-1: none) have left at least `live(after)`."""
        values = dict(values)
        for place in range(after + 1, len(self.graph.nodes)):
            values.update(self.step(place, values))
        return {name: values[name] for name in self.graph.outputs}

    def live(self, after: int) -> set[str]:
        """The tensors up to place `after` that later nodes or the graph's outputs need."""
        behind = self.graph.nodes[after + 1 :]
        needed = set(self.graph.outputs).union(*(self.reads(node) for node in behind))
        return needed.difference(*(node.outputs for node in behind))

    def reads(self, node: Node) -> tuple[str, ...]:
        """The tensors that a node reads, without constants, each once."""
        return _computed(node, self.graph)


def _computed(node: Node, graph: Graph) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in node.inputs if name and name not in graph.constants))


def _session(node: Node, graph: Graph) -> Any:
    alone = replace(
        graph,
        nodes=(node,),
        inputs=_computed(node, graph),
        outputs=tuple(name for name in node.outputs if name),
        constants={name: graph.constants[name] for name in node.inputs if name in graph.constants},
    )
    return open_session(as_onnx(alone).SerializeToString(), threads=1)
