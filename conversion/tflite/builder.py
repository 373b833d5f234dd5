"""The TFLite builder: an operator's function reads tensors of the graph and writes operators of the file through it.

Layout, precision, fused activations and refusals are dealt with here, so that an operator is a few lines.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from conversion.source.builder import BaseBuilder
from conversion.source.graph import Graph, Node
from conversion.tflite import fusion, layout, non_negative
from conversion.tflite.builtin import most_axes
from conversion.tflite.layout import Order, Shape
from conversion.tflite.program import Program
from training.student.arrays import Array
from training.student.errors import ConversionRefused

_FLOAT32 = np.dtype(np.float32)
# What the file holds for a type of the graph. Phones index in 32 bits, and few kernels know 64.
_STORED: Mapping[np.dtype[Any], np.dtype[Any]] = {
    _FLOAT32: _FLOAT32,
    np.dtype(np.int64): np.dtype(np.int32),
    np.dtype(np.int32): np.dtype(np.int32),
    np.dtype(np.uint8): np.dtype(np.uint8),
    np.dtype(np.bool_): np.dtype(np.bool_),
}


@dataclass(frozen=True, slots=True)
class _Stored:
    """A tensor of the graph as it was first written."""

    index: int
    order: Order


class Builder(BaseBuilder):
    """The file that one graph is written into.

    Every tensor lies in an order of its own, the one in which its producer wrote it. Only `read` ever moves data
    into another, once for each order that is asked for.
    """

    target = "TFLite"

    def __init__(self, graph: Graph, *, is_half: bool) -> None:
        """Declare the graph's inputs.

        Args:
            graph: As `fusion.fused` left it.
            is_half: Whether weights are stored as float16.

        Raises:
            ConversionRefused: An input is of a type that phones do not compute with.
        """
        self.graph, self.constants = graph, graph.constants
        self.non_negative = non_negative.non_negative(graph)
        self._program = Program()
        self._is_half = is_half
        self._stored: dict[str, _Stored] = {}
        self._moved: dict[tuple[Any, ...], int] = {}
        self._unshaped: dict[int, int] = {}
        self._dequantized: dict[int, int] = {}
        for name in graph.inputs:
            if graph.dtypes[name] not in _STORED:
                raise ConversionRefused(
                    f"input '{name}' is {graph.dtypes[name]}, expected one of {', '.join(map(str, _STORED))}; "
                    "export the model so"
                )
            order = layout.border(len(self.shape(name)))
            shape = layout.laid_out(self.shape(name), order)
            self._stored[name] = _Stored(self._program.tensor(name, shape, _STORED[graph.dtypes[name]]), order)

    def shape(self, name: str) -> Shape:
        """A tensor's shape in the graph's own axis order."""
        return self.graph.shapes[name]

    def shape_in_file(self, index: int) -> Shape:
        """The shape of a tensor of the file, in its own axis order."""
        return self._program.tensors[index].shape

    def stored_type(self, node: Node, name: str) -> np.dtype[Any]:
        """What the file holds for a tensor's type.

        Raises:
            ConversionRefused: Phones do not compute with it.
        """
        if self.graph.dtypes[name] not in _STORED:
            raise self.refusal(node, "numbers of type", self.graph.dtypes[name], "export the model in float32")
        return _STORED[self.graph.dtypes[name]]

    def order(self, *names: str) -> Order:
        """The axis order in which some tensors, broadcast together, can be read with the least data moved.

        One of the orders that the tensors themselves have.
        """
        rank = max(len(self.shape(name)) for name in names)
        computed = [name for name in names if name in self._stored]
        orders = [layout.widened(self._stored[name].order, rank) for name in computed]

        def moved(order: Order) -> int:
            return sum(math.prod(self.shape(name)) for name in computed if not self.is_at_hand(name, order))

        return min(orders, key=moved, default=tuple(range(rank)))

    def is_at_hand(self, name: str, order: Order) -> bool:
        """Whether a tensor can be read in an order, which may be of a higher rank, without moving its data."""
        if name not in self._stored:
            return True
        shape = self.shape(name)
        return layout.moves_nothing(shape, self._stored[name].order, layout.narrowed(order, len(shape)))

    def read(self, name: str, order: Order) -> int:
        """The file's tensor for one of the graph, in an axis order.

        An order of higher rank than the tensor's gives it axes of size 1 in front, as broadcasting does.

        Raises:
            ConversionRefused: It is a constant with infinities.
        """
        shape = self.shape(name)
        missing = len(order) - len(shape)
        if name not in self._stored:
            value = self.constants[name]
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise ConversionRefused(
                    f"constant '{name}' holds {value[~np.isfinite(value)][0]}, which TFLite's arithmetic clamps; use a "
                    "finite number, such as -1e9 in a mask"
                )
            return self.number(name, value.reshape((1,) * missing + shape).transpose(order))
        stored, own = self._stored[name], layout.narrowed(order, len(shape))
        laid_out = layout.laid_out(shape, own)
        if layout.moves_nothing(shape, stored.order, own):
            index = self.reshape(stored.index, laid_out)
        else:
            index = self._transpose(stored.index, tuple(stored.order.index(axis) for axis in own), laid_out)
        # TFLite broadcasts from the last axis on, too: axes in front of all others go without saying.
        is_in_front = order[:missing] == tuple(range(missing))
        return index if is_in_front else self.reshape(index, layout.laid_out((1,) * missing + shape, order))

    def number(self, name: str, value: Array) -> int:
        """A constant that keeps full precision, given in the file's axis order."""
        is_real = value.dtype.kind == "f"
        return self._program.constant(name, value.astype(np.float32 if is_real else _STORED[value.dtype], copy=False))

    def scalar(self, node: Node, value: float) -> int:
        """One number, for arithmetic with tensors of the node's rank and type."""
        (name, *_), rank = node.outputs, len(self.shape(node.outputs[0]))
        return self.number(f"{name}/{value:g}", np.full((1,) * rank, value, self.graph.dtypes[name]))

    def integers(self, node: Node, values: int | Sequence[int] | Array) -> int:
        """A constant of axes, sizes or amounts, already in the file's axis order."""
        return self._sizes(node.outputs[0], values)

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
            raise self.refusal(node, f"'{name}' in float16: its largest value is", largest, "use precision fp32")
        stored = self._program.constant(name, value.astype(np.float16))
        if stored not in self._dequantized:
            self._dequantized[stored] = self._program.tensor(f"{name}/float32", value.shape, _FLOAT32)
            self._program.operator("DEQUANTIZE", [stored], [self._dequantized[stored]])
        return self._dequantized[stored]

    def write(
        self, node: Node, builtin: str, inputs: Sequence[int], order: Order, *outputs: str, **options: Any
    ) -> None:
        """Compute outputs of the node in an axis order, with the activation that was fused into the node, if any.

        Args:
            node: The node.
            builtin: TFLite's name of the operator.
            inputs: The file's tensors that it reads.
            order: What the operator makes of the orders of its inputs.
            outputs: Names; left out, the node's only one.
            options: The schema's own.

        Raises:
            ConversionRefused: The output is of a type that phones do not compute with, `outputs` leaves one out, or
                the inputs have too many axes.
        """
        self._check_axes(node, builtin, inputs)
        names = outputs or node.outputs[:1]
        if not outputs and any(node.outputs[1:]):
            raise self.refusal(node, "further outputs", list(node.outputs[1:]), "use its first output alone")
        for name in names:
            shape = layout.laid_out(self.shape(name), order)
            self._stored[name] = _Stored(self._program.tensor(name, shape, self.stored_type(node, name)), order)
        if fusion.ATTRIBUTE in node.attributes:
            options["fusedActivationFunction"] = node.attributes[fusion.ATTRIBUTE]
        self._program.operator(builtin, inputs, [self._stored[name].index for name in names], **options)

    def compute(
        self,
        node: Node,
        builtin: str,
        inputs: Sequence[int],
        shape: Shape | None = None,
        dtype: np.dtype[Any] = _FLOAT32,
        **options: Any,
    ) -> int:
        """Compute a tensor that the graph does not have.

        Its shape is that in the file; left out, what the inputs give when broadcast.

        Raises:
            ConversionRefused: The inputs have too many axes.
        """
        self._check_axes(node, builtin, inputs)
        if shape is None:
            shape = np.broadcast_shapes(*map(self.shape_in_file, inputs))
        index = self._program.tensor(f"{node.outputs[0]}/{builtin.lower()}", shape, dtype)
        self._program.operator(builtin, inputs, [index], **options)
        return index

    def relabel(self, name: str, index: int, order: Order) -> None:
        """Use a tensor of the file, reshaped if needed, as a tensor of the graph in an axis order."""
        self._stored[name] = _Stored(self.reshape(index, layout.laid_out(self.shape(name), order), name), order)

    def reshape(self, index: int, shape: Shape, name: str | None = None) -> int:
        """A tensor of the file in another shape; give `name` where the result is a tensor of the graph."""
        # Not a reshape of a reshape: LiteRT's memory planner lets a reader of the last overwrite what the first holds.
        index = self._unshaped.get(index, index)
        source = self._program.tensors[index]
        if source.shape == shape:
            return index
        name = name or f"{source.name}/{'x'.join(map(str, shape))}"
        made = self._once("RESHAPE", [index, self._sizes(name, shape)], shape, name)
        self._unshaped[made] = index
        return made

    def orders(self) -> dict[str, Order]:
        """The axis order of each tensor of the graph that the file holds under its own name, once all are written."""
        held = {
            name: stored.order
            for name, stored in self._stored.items()
            if self._program.tensors[stored.index].name == name
        }
        return held | {name: layout.border(len(self.shape(name))) for name in self.graph.outputs}

    def to_bytes(self, metadata: Mapping[str, bytes]) -> bytes:
        """The finished file."""
        inputs = {name: self._stored[name].index for name in self.graph.inputs}
        outputs: dict[str, int] = {}
        for name in self.graph.outputs:
            index = self.read(name, layout.border(len(self.shape(name))))
            if index in (*inputs.values(), *outputs.values()) or name in self.constants:
                # A caller reads every output from a tensor of its own.
                index = self._copied(index)
            self._program.rename(index, name)
            outputs[name] = index
        return self._program.to_bytes(inputs=inputs, outputs=outputs, metadata=metadata)

    def _check_axes(self, node: Node, builtin: str, inputs: Sequence[int]) -> None:
        shapes = [self.shape_in_file(index) for index in inputs]
        rank, most = max(map(len, shapes)), most_axes(builtin, shapes)
        if rank > most:
            raise self.refusal(node, f"{builtin} of", f"{rank} axes, {shapes}", f"merge some: it takes up to {most}")

    def _transpose(self, index: int, permutation: Order, shape: Shape) -> int:
        name = f"{self._program.tensors[index].name}/{''.join(map(str, permutation))}"
        if len(shape) > most_axes("TRANSPOSE", [shape]):
            raise ConversionRefused(f"'{name}' has {len(shape)} axes to move; TFLite moves up to 6: merge some")
        return self._once("TRANSPOSE", [index, self._sizes(name, permutation)], shape, name)

    def _sizes(self, name: str, values: int | Sequence[int] | Array) -> int:
        return self._program.constant(f"{name}/sizes", np.asarray(values, np.int32))

    def _once(self, builtin: str, inputs: Sequence[int], shape: Shape, name: str) -> int:
        """A reshaped or transposed tensor, written once for all readers."""
        key = (builtin, *inputs)
        if key not in self._moved:
            self._moved[key] = self._program.tensor(name, shape, self._program.tensors[inputs[0]].dtype)
            self._program.operator(builtin, inputs, [self._moved[key]])
        return self._moved[key]

    def _copied(self, index: int) -> int:
        source = self._program.tensors[index]
        copy = self._program.tensor(source.name, source.shape, source.dtype)
        self._program.operator("RESHAPE", [index, self._sizes(source.name, source.shape)], [copy])
        return copy


Emitter = Callable[[Node, Builder], None]
"""An operator's function."""
