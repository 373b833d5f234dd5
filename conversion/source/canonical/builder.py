"""The builder of the canonical graph: each operator's function reads tensors and writes canonical nodes through it.

It infers shapes of new tensors, folds constants and drops nodes that change nothing, so that a function is a few lines.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from conversion.source.builder import BaseBuilder
from conversion.source.canonical import constant_folding
from conversion.source.node import Dtype, Node, Shape
from training.student.arrays import Array
from training.student.errors import ConversionRefused

LARGEST = 2**27
"""Elements of one tensor: half a gibibyte in float32, more than a phone spares."""


class GraphBuilder(BaseBuilder):
    """The canonical graph of one file, built node by node."""

    def __init__(self, opset: int, fuse_pattern: Callable[[Node, "GraphBuilder"], Node]) -> None:
        """Start empty.

        Args:
            opset: Of the file.
            fuse_pattern: From a node about to be written to the node to write instead; the same if it ends no pattern.
        """
        self.opset = opset
        self.nodes: list[Node] = []
        self.shapes: dict[str, Shape] = {}
        self.dtypes: dict[str, Dtype] = {}
        self.constants: dict[str, Array] = {}
        self._fuse_pattern = fuse_pattern
        self._sources: dict[str, str] = {}
        self._producers: dict[str, Node] = {}
        self._current = Node("", (), ())
        self._allowance = constant_folding.Allowance()

    def declare(self, name: str, shape: Shape, dtype: Dtype) -> None:
        """Let `name` be a tensor of this shape."""
        self.shapes[name], self.dtypes[name] = shape, dtype

    def check_size(self, name: str, found: str = "the model reads") -> None:
        """Check that a tensor is neither empty nor too large.

        Raises:
            ConversionRefused: It has no elements, or more than any phone has room for.
        """
        if not 0 < math.prod(self.shapes[name]) <= LARGEST:
            raise ConversionRefused(f"{found} '{name}' of shape {self.shapes[name]}; expected 1 to {LARGEST} elements")

    def begin(self, node: Node) -> None:
        """From here on, what is written is part of `node`."""
        self._current = node

    def source(self, name: str) -> str:
        """The tensor that holds what the file calls `name`.

        Raises:
            ConversionRefused: Nothing wrote it so far.
        """
        name = self._sources.get(name, name)
        if name and name not in self.shapes:
            raise ConversionRefused(f"{self._current} reads '{name}', which nothing before it writes; repair the model")
        return name

    def is_written(self, name: str) -> bool:
        """Whether a tensor of this name exists."""
        return name in self._sources or name in self.shapes

    def producer(self, name: str) -> Node:
        """The node that writes `name`; one without operator for inputs and constants."""
        return self._producers.get(name, Node("", (), ()))

    def add_constant(self, name: str, value: Array) -> str:
        """Let `name` be a constant."""
        self.constants[name], self.shapes[name], self.dtypes[name] = value, value.shape, value.dtype
        return name

    def allow_constant(self, node: Node) -> None:
        """Allow a node's outputs to be computed now, as constants.

        Raises:
            ConversionRefused: That takes too much memory.
        """
        self._allowance.take(node, sum(math.prod(self.shapes[name]) for name in node.outputs if name))

    def alias(self, name: str, source: str) -> str:
        """Let readers of `name` read `source`."""
        self._sources[name] = source
        return source

    def write(
        self,
        operator: str,
        inputs: Iterable[str],
        outputs: str | Sequence[str] = "",
        *,
        shape: Shape | None = None,
        dtype: Dtype | None = None,
        **attributes: Any,
    ) -> str:
        """Write a canonical node.

        Args:
            operator: Its name.
            inputs: Tensors, already sources.
            outputs: Tensors whose shapes are declared; a new one if empty.
            shape: Of the new one; by default what its inputs broadcast to. Of a declared one, what it must be.
            dtype: Of the new one; by default that of its first input.
            attributes: All that the operator has.

        Returns:
            The tensor that holds its first output.

        Raises:
            ConversionRefused: As `add` does.
        """
        inputs = tuple(inputs)
        if not outputs:
            outputs = self._fresh(operator)
            shape = np.broadcast_shapes(*(self.shapes[name] for name in inputs)) if shape is None else shape
            self.declare(outputs, shape, dtype or self.dtypes[inputs[0]])
        elif shape is not None and self.shapes[str(outputs)] != shape:
            raise ValueError(f"its shape is {self.shapes[str(outputs)]} by ONNX's rules and {shape} by its parameters")
        names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
        self.add(Node(operator, inputs, names, attributes, self._current.name))
        return names[0]

    def add(self, node: Node) -> None:
        """Append a node, or fold it where all of its inputs are constants.

        Raises:
            ConversionRefused: It has no elements, or more than any phone has room for; or it cannot be folded.
        """
        if all(name in self.constants for name in node.inputs if name) and node.operator in constant_folding.KERNELS:
            self.allow_constant(node)
            values = constant_folding.evaluate(
                node, [self.constants[name] for name in node.inputs], self.shapes, self.dtypes
            )
            for name, value in zip(node.outputs, values, strict=True):
                self.add_constant(name, value)
            return
        for name in filter(None, node.outputs):
            self.check_size(name, f"{node} writes")
        node = self._fuse_pattern(node, self)
        self.nodes.append(node)
        self._producers.update(dict.fromkeys(node.outputs, node))

    def number(self, value: float | Array, like: str) -> str:
        """A new constant with the type of the tensor `like`."""
        return self.add_constant(self._fresh("constant"), np.asarray(value, self.dtypes[like]))

    def unary(self, operator: str, x: str, output: str = "", **attributes: Any) -> str:
        """An operator that treats every value alike."""
        return self.write(operator, [x], output, shape=self.shapes[x], **attributes)

    def binary(self, operator: str, a: str, b: str | float | Array, output: str = "") -> str:
        """Arithmetic of two tensors, or of a tensor and a number."""
        b = b if isinstance(b, str) else self.number(b, like=a)
        return self.write(operator, [a, b], output, shape=np.broadcast_shapes(self.shapes[a], self.shapes[b]))

    def reshape(self, x: str, shape: Shape, output: str = "") -> str:
        """The same values in the same order."""
        while self.producer(x).operator == "Reshape":
            (x,) = self.producer(x).inputs
        if math.prod(self.shapes[x]) != math.prod(shape):
            raise ValueError(f"it makes {shape} of {self.shapes[x]}")
        if self.shapes[x] == shape:
            return self.alias(output, x) if output else x
        return self.write("Reshape", [x], output, shape=shape)

    def transpose(self, x: str, perm: tuple[int, ...], output: str = "") -> str:
        """Axes in another order."""
        while self.producer(x).operator == "Transpose":
            earlier = self.producer(x)
            x, perm = earlier.inputs[0], tuple(earlier.attributes["perm"][axis] for axis in perm)
        if sorted(perm) != list(range(len(self.shapes[x]))):
            raise ValueError(f"perm {perm} of {len(self.shapes[x])} axes")
        if perm == tuple(range(len(perm))):
            return self.alias(output, x) if output else x
        return self.write("Transpose", [x], output, shape=tuple(self.shapes[x][axis] for axis in perm), perm=perm)

    def reduce(self, operator: str, x: str, axes: Iterable[int], output: str = "", *, keepdims: bool = True) -> str:
        """A mean, sum, maximum, minimum or product over axes."""
        axes, shape = tuple(sorted({axis % max(len(self.shapes[x]), 1) for axis in axes})), self.shapes[x]
        kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape) if keepdims or axis not in axes)
        if all(shape[axis] == 1 for axis in axes):
            return self.reshape(x, kept, output)
        return self.write(operator, [x], output, shape=kept, axes=axes, keepdims=int(keepdims))

    def name_output(self, name: str, outputs: Collection[str]) -> None:
        """Give a tensor the name that an output of the graph must have."""
        source = self.source(name)
        if source == name:
            return
        if source in self.constants:
            self.add_constant(name, self.constants[source])
        elif source in self._producers and source not in outputs:
            self._rename(source, name)
        else:
            self.nodes.append(Node("Identity", (source,), (name,), {}, name))

    def _rename(self, old: str, new: str) -> None:
        def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(new if name == old else name for name in names)

        self.nodes = [replace(node, inputs=renamed(node.inputs), outputs=renamed(node.outputs)) for node in self.nodes]
        self._producers[new] = self._producers.pop(old)
        self._sources = {name: new if source == old else source for name, source in self._sources.items()}
        self._sources[old] = self._sources[new] = new

    def _fresh(self, what: str) -> str:
        stem = f"{self._current.outputs[0]}/{what.lower()}"
        name, count = stem, 1
        while self.is_written(name):
            name, count = f"{stem}{count}", count + 1
        return name


Canonicalise = Callable[[Node, GraphBuilder], None]
Table = Mapping[str, Canonicalise]
