"""What the canonicaliser's builder and both emitters' builders have in common."""

from collections.abc import Mapping
from typing import ClassVar

from conversion.source.node import Node
from training.student.arrays import Array
from training.student.errors import ConversionRefused


class BaseBuilder:
    """Reads constants of a graph, and refuses what cannot be expressed."""

    target: ClassVar[str] = ""
    """Its name in error messages; the canonicaliser has none."""
    constants: Mapping[str, Array]
    """Of the graph, by name."""

    def constant(self, node: Node, position: int) -> Array | None:
        """The value of an input that must be constant; None where the node leaves it out.

        Raises:
            ConversionRefused: It is computed.
        """
        name = node.inputs[position] if position < len(node.inputs) else ""
        if not name:
            return None
        if name not in self.constants:
            found = f"'{name}' that is computed"
            raise self.refusal(node, f"input {position}", found, "make it a constant of the model")
        return self.constants[name]

    def required_constant(self, node: Node, position: int) -> Array:
        """The value of an input that must be constant and present.

        Raises:
            ConversionRefused: It is computed or left out.
        """
        value = self.constant(node, position)
        if value is None:
            raise self.refusal(node, f"input {position}", "that is left out", "repair the model")
        return value

    def refusal(self, node: Node, attribute: str, found: object, instead: str) -> ConversionRefused:
        """The error for what cannot be expressed: what was found where, and what would work."""
        what = f"{self.target} cannot express {attribute}" if self.target else attribute
        return ConversionRefused(f"{node}: {what} {found}; {instead}")
