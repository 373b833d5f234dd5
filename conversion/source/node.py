"""One operator of the typed graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Dtype = np.dtype[Any]
Shape = tuple[int, ...]


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
