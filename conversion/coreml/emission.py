"""What an operator's function is given: it reads tensors of the graph and appends MIL operators through this.

Names, shapes, precision of constants and refusals are dealt with here, so that an operator is a few lines.
"""

import re
from typing import Any

import numpy as np

from conversion.graph import Array, Graph, Node
from training.student.errors import ConversionRefused

Variable = Any
"""A MIL variable; coremltools ships no types."""


def refusal(node: Node, attribute: str, found: object, instead: str) -> ConversionRefused:
    """The error for what Core ML cannot express: what was found where, and what would work."""
    return ConversionRefused(f"{node}: Core ML cannot express {attribute} {found}; {instead}")


class Emission:
    """One graph on its way into a MIL program."""

    def __init__(self, graph: Graph, builder: Any) -> None:
        """Write `graph` through coremltools' MIL `builder`."""
        self.graph = graph
        self._builder = builder
        self._variables: dict[str, Variable] = {}
        self._names: set[str] = set()

    def declare(self, tensor: str, variable: Variable) -> None:
        """Let an input of the graph be read as `variable`."""
        self._variables[tensor] = variable

    def shape(self, tensor: str) -> tuple[int, ...]:
        """A tensor's shape."""
        return self.graph.shapes[tensor]

    def constant(self, node: Node, position: int) -> Array | None:
        """The value of an input that must be known; None where it is left out.

        Raises:
            ConversionRefused: It is computed.
        """
        name = node.inputs[position] if position < len(node.inputs) else ""
        if not name:
            return None
        if name not in self.graph.constants:
            raise refusal(node, f"input {position}", f"'{name}' that is computed", "make it a constant of the model")
        return _in_float32(self.graph.constants[name])

    def weights(self, node: Node, position: int) -> Array:
        """A kernel, which must be known.

        Raises:
            ConversionRefused: It is computed.
        """
        value = self.constant(node, position)
        assert value is not None
        return value

    def read(self, tensor: str) -> Variable | Array:
        """What MIL's builder takes for a tensor: a variable, or an array for a constant."""
        if tensor in self._variables:
            return self._variables[tensor]
        return _in_float32(self.graph.constants[tensor])

    def write(self, node: Node, operator: str, **arguments: Any) -> None:
        """Compute the node's output.

        Raises:
            ConversionRefused: The output is no tensor of real numbers, is one of several, or would get another
                shape in Core ML than in ONNX.
        """
        name, *others = node.outputs
        if any(others):
            raise refusal(node, "the further outputs", ", ".join(others), "use the first output alone")
        if self.graph.dtypes[name].kind != "f":
            raise refusal(node, "numbers of type", self.graph.dtypes[name], "export the model in float32")
        variable = self._append(operator, name, arguments)
        if tuple(variable.shape) != self.shape(name):
            raise refusal(
                node, "shape", f"{self.shape(name)} with {dict(node.attributes)}", f"it gives {tuple(variable.shape)}"
            )
        self._variables[name] = variable

    def intermediate(self, node: Node, operator: str, **arguments: Any) -> Variable:
        """Compute a tensor that the graph does not have."""
        return self._append(operator, f"{node.outputs[0]}_{operator}", arguments)

    def outputs(self) -> list[Variable]:
        """The variables of the graph's outputs.

        Raises:
            ConversionRefused: An output is not computed.
        """
        for name in self.graph.outputs:
            if name in self.graph.inputs or name not in self._variables:
                raise ConversionRefused(f"output '{name}' is not computed from the input; remove it from the model")
        return [self._variables[name] for name in self.graph.outputs]

    def name(self, tensor: str) -> str:
        """A tensor's name as Core ML allows it: letters, digits and underscores, each name once."""
        name = re.sub(r"\W", "_", tensor, flags=re.ASCII)
        name = name if re.match("[A-Za-z_]", name) else f"_{name}"
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name

    def _append(self, operator: str, name: str, arguments: dict[str, Any]) -> Variable:
        return getattr(self._builder, operator)(**arguments, name=self.name(name))


def _in_float32(value: Array) -> Array:
    """Real numbers as the builder takes them; what of it becomes float16 is for coremltools to say."""
    return value.astype(np.float32) if value.dtype.kind == "f" else value
