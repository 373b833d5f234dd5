"""What a model file holds, whatever its format: what `inspect` shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output."""

    name: str
    shape: tuple[int | str, ...]
    """A name or `?` stands for a size that the file leaves open."""
    type: str
    """The type of its numbers, or `image`."""

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.name} ({', '.join(map(str, self.shape))}) {self.type}"


@dataclass(frozen=True, slots=True)
class Contents:
    """What one file or package holds."""

    format: str
    inputs: list[Tensor]
    outputs: list[Tensor]
    operators: Mapping[str, int]
    """How often each occurs, in the format's own names."""
    weights: Mapping[str, int]
    """Stored bytes of constants by the type of their numbers."""
    metadata: Mapping[str, Any]
    """By the format's own names."""
    notes: list[str] = field(default_factory=list)
    """What else is worth knowing, a sentence each."""
