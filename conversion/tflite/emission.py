"""What an operator's function is given: it reads tensors of the graph and writes operators of the file through this.

Layout, precision, fused activations and refusals are dealt with here, so that an operator is a few lines.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.graph import Graph, Node
from conversion.tflite import fusion, layout, sign
from conversion.tflite.program import Program
from training.student.errors import ConversionRefused

Array = NDArray[Any]

_FLOAT32 = np.dtype(np.float32)


def refusal(node: Node, attribute: str, found: object, instead: str) -> ConversionRefused:
    """The error for what TFLite cannot express: what was found where, and what would work."""
    return ConversionRefused(f"{node}: TFLite cannot express {attribute} {found}; {instead}")


class Emission:
    """One graph on its way into a file."""

    def __init__(self, graph: Graph, *, is_half: bool) -> None:
        """Declare the graph's inputs.

        Args:
            graph: As `fusion.fused` left it.
            is_half: Whether weights are stored as float16.

        Raises:
            ConversionRefused: An input is not float32.
        """
        self.graph = graph
        self.non_negative = sign.non_negative(graph)
        self._program = Program()
        self._is_half = is_half
        self._indices: dict[str, int] = {}
        self._dequantized: dict[int, int] = {}
        for name in graph.inputs:
            if graph.dtypes[name] != _FLOAT32:
                raise ConversionRefused(
                    f"input '{name}' is {graph.dtypes[name]}, expected float32; export the model so"
                )
            self._indices[name] = self._program.tensor(name, layout.shape(graph.shapes[name]), _FLOAT32)

    def shape(self, name: str) -> tuple[int, ...]:
        """A tensor's shape in the graph's own axis order."""
        return self.graph.shapes[name]

    def constant(self, node: Node, position: int) -> Array | None:
        """The value of an input that must be known, in the graph's axis order; None where it is left out.

        Raises:
            ConversionRefused: It is computed.
        """
        name = node.inputs[position] if position < len(node.inputs) else ""
        if not name:
            return None
        if name not in self.graph.constants:
            raise refusal(node, f"input {position}", f"'{name}' that is computed", "make it a constant of the model")
        return self.graph.constants[name]

    def read(self, name: str) -> int:
        """The file's tensor for one of the graph."""
        if name not in self._indices:
            self._indices[name] = self.number(name, self.graph.constants[name])
        return self._indices[name]

    def number(self, name: str, value: Array) -> int:
        """A constant that keeps full precision, given in the graph's axis order."""
        value = layout.to_file(value)
        return self._program.constant(name, value.astype(np.float32) if value.dtype.kind == "f" else value)

    def integers(self, name: str, values: Sequence[int] | Array) -> int:
        """A constant of axes, sizes or amounts, already in the file's axis order."""
        return self._program.constant(name, np.asarray(values, np.int32))

    def weights(self, node: Node, name: str, value: Array) -> int:
        """A constant in the file's precision, given in the file's axis order.

        Float16 weights have a DEQUANTIZE in front: XNNPACK reads through it, other kernels compute in float32.

        Raises:
            ConversionRefused: A value does not fit into float16.
        """
        value = value.astype(np.float32)
        if not self._is_half:
            return self._program.constant(name, value)
        largest = np.abs(value).max(initial=0)
        if not largest <= np.finfo(np.float16).max:
            raise refusal(node, f"'{name}' in float16: its largest value is", largest, "use precision fp32")
        stored = self._program.constant(name, value.astype(np.float16))
        if stored not in self._dequantized:
            self._dequantized[stored] = self._program.tensor(f"{name}/float32", value.shape, _FLOAT32)
            self._program.operator("DEQUANTIZE", [stored], self._dequantized[stored])
        return self._dequantized[stored]

    def write(self, node: Node, builtin: str, inputs: Sequence[int], **options: Any) -> None:
        """Compute the node's output, with the activation that was fused into the node, if any.

        Raises:
            ConversionRefused: The output is not float32, or there are several.
        """
        name, *others = node.outputs
        if any(others):
            raise refusal(node, "further outputs", others, "use its first output alone")
        if self.graph.dtypes[name] != _FLOAT32:
            raise refusal(node, "numbers of type", self.graph.dtypes[name], "export the model in float32")
        if fusion.ATTRIBUTE in node.attributes:
            options["fusedActivationFunction"] = node.attributes[fusion.ATTRIBUTE]
        self._indices[name] = self._program.tensor(name, layout.shape(self.shape(name)), _FLOAT32)
        self._program.operator(builtin, inputs, self._indices[name], **options)

    def intermediate(
        self, node: Node, builtin: str, inputs: Sequence[int], shape: tuple[int, ...], **options: Any
    ) -> int:
        """Compute a tensor that the graph does not have, of `shape` in the graph's axis order."""
        index = self._program.tensor(f"{node.outputs[0]}/{builtin.lower()}", layout.shape(shape), _FLOAT32)
        self._program.operator(builtin, inputs, index, **options)
        return index

    def to_bytes(self, metadata: Mapping[str, bytes]) -> bytes:
        """The finished file.

        Raises:
            ConversionRefused: An output is not computed.
        """
        for name in self.graph.outputs:
            if name in self.graph.inputs or name not in self._indices:
                raise ConversionRefused(f"output '{name}' is not computed from the input; remove it from the model")
        return self._program.to_bytes(
            inputs={name: self._indices[name] for name in self.graph.inputs},
            outputs={name: self._indices[name] for name in self.graph.outputs},
            metadata=metadata,
        )
