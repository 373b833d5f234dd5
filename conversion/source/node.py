"""One operator of the typed graph, and which operators of any graph are needed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

Dtype = np.dtype[Any]
Shape = tuple[int, ...]

_Node = TypeVar("_Node")
_Tensor = TypeVar("_Tensor")


@dataclass(frozen=True, slots=True)
class Node:
    """One operator and the names of the tensors it reads and writes."""

    operator: str
    """ONNX's name of it, such as `Conv`."""
    inputs: tuple[str, ...]
    """Tensor names; an empty one is an optional input left out."""
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Numbers, strings, tuples of them, or arrays."""
    name: str = ""

    def __str__(self) -> str:
        """What an error message calls it."""
        return f"{self.operator} '{self.name}'" if self.name else self.operator


def needed(
    nodes: Iterable[_Node],
    outputs: Iterable[_Tensor],
    inputs_of: Callable[[_Node], Iterable[_Tensor]],
    outputs_of: Callable[[_Node], Iterable[_Tensor]],
) -> list[_Node]:
    """The nodes that the outputs depend on.

    Args:
        nodes: In the order of execution.
        outputs: Tensors, by name or number.
        inputs_of: The tensors that a node reads.
        outputs_of: The tensors that a node writes.
    """
    wanted, kept = set(outputs), []
    for node in reversed(tuple(nodes)):
        if wanted.intersection(outputs_of(node)):
            kept.append(node)
            wanted.update(inputs_of(node))
    return kept[::-1]
