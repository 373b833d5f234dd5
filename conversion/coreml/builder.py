"""The Core ML builder: an operator's function reads tensors of the graph and appends MIL operators through it.

Names, shapes, types, precision and refusals are dealt with here, so that an operator is a few lines.
"""

import re
from collections.abc import Collection
from typing import Any, Literal

import numpy as np

from conversion.coreml import half
from conversion.coreml.toolbox import load_coremltools
from conversion.source.builder import BaseBuilder
from conversion.source.graph import Graph, Node
from training.student.arrays import Array
from training.student.errors import ConversionRefused

Precision = Literal["fp32", "fp16"]

Variable = Any
"""A MIL variable; coremltools ships no types."""

KINDS = {"float32": "fp32", "int32": "int32", "int64": "int32", "bool": "bool"}
"""The types that tensors of a graph may have, and MIL's in which they are computed before any float16."""

LARGEST_RANK = 5


class Builder(BaseBuilder):
    """The MIL program that one graph is written into.

    With fp16, each operator computes in float16, its constants included, and casts stand only at the borders.
    """

    target = "Core ML"

    def __init__(self, graph: Graph, *, precision: Precision, single: Collection[str] = ()) -> None:
        """Write `graph`; operators that compute a tensor of `single` stay in float32."""
        mil = load_coremltools().converters.mil
        self.graph, self.constants = graph, graph.constants
        self._precision, self._single = precision, frozenset(single)
        # By default it counts names over all programs that it ever built, which would show in the bytes of this one.
        self._builder: Any = type("Builder", (mil.Builder,), {"_get_free_name": staticmethod(self.name)})
        self._variable_type = mil.Var
        self._names: set[str] = set()
        self._variables: dict[str, Variable] = {}
        self._held: dict[str, Variable] = {}
        self._cast: dict[tuple[str, str], Variable] = {}
        self._borders = {tensor: self.name(tensor) for tensor in dict.fromkeys((*graph.inputs, *graph.outputs))}

    @property
    def inputs(self) -> dict[str, str]:
        """The graph's inputs, and what they are called in Core ML."""
        return {tensor: self._borders[tensor] for tensor in self.graph.inputs}

    def declare(self, tensor: str, variable: Variable) -> None:
        """Use `variable` as an input of the graph."""
        is_bool = self.graph.dtypes[tensor].kind == "b"
        self._variables[tensor] = self._as_kind(variable, "bool") if is_bool else variable

    def shape(self, tensor: str) -> tuple[int, ...]:
        """A tensor's shape."""
        return self.graph.shapes[tensor]

    def is_real(self, tensor: str) -> bool:
        """Whether a tensor holds real numbers."""
        return self.graph.dtypes[tensor].kind == "f"

    def constant(self, node: Node, position: int) -> Array | None:
        """As in the base class, converted to a type that MIL has."""
        value = super().constant(node, position)
        return None if value is None else _plain(value)

    def read(self, tensor: str) -> Variable | Array:
        """What MIL's builder takes for a tensor: a variable, or an array for a constant.

        Raises:
            ConversionRefused: It has more axes than Core ML.
        """
        if tensor in self._variables:
            return self._variables[tensor]
        if len(shape := self.shape(tensor)) > LARGEST_RANK:
            raise ConversionRefused(f"'{tensor}' has shape {shape}; Core ML has at most {LARGEST_RANK} axes")
        return _plain(self.constants[tensor])

    def elements(self, tensor: str) -> Variable | Array:
        """A tensor of any number of axes, in the shape in which it is stored."""
        return self._held[tensor] if tensor in self._held else self.read(tensor)

    def hold(self, tensor: str, variable: Variable) -> None:
        """Store a tensor of more axes than Core ML allows as a variable with the same elements in order."""
        self._held[tensor] = variable

    def number(self, tensor: str) -> Variable | Array:
        """A tensor to calculate with: booleans become 0 and 1."""
        value = self.read(tensor)
        if self.graph.dtypes[tensor].kind != "b":
            return value
        return value.astype(np.int32) if isinstance(value, np.ndarray) else self._as_kind(value, "int32")

    def like(self, tensor: str, number: float) -> Any:
        """A number of a tensor's type."""
        return np.float32(number) if self.is_real(tensor) else np.int32(number)

    def kind(self, node: Node, tensor: str) -> str:
        """MIL's type of a tensor that the node computes."""
        is_half = self.is_real(tensor) and self._is_half(node, "cast", {})
        return "fp16" if is_half else KINDS[self.graph.dtypes[tensor].name]

    def shaped(self, node: Node, tensor: str, shape: tuple[int, ...]) -> Variable | Array:
        """A tensor in another shape of as many elements."""
        value = self.elements(tensor)
        if tuple(value.shape) == shape:
            return value
        if isinstance(value, np.ndarray):
            return value.reshape(shape)
        return self.intermediate(node, "reshape", x=value, shape=list(shape))

    def broadcast(self, node: Node, tensor: str, shape: tuple[int, ...]) -> Variable | Array:
        """A tensor repeated to another shape by numpy's rules."""
        value = self.read(tensor)
        if isinstance(value, np.ndarray):
            return np.broadcast_to(value, shape).copy()
        own = (*(1,) * (len(shape) - len(value.shape)), *value.shape)
        repeats = [wanted // size for wanted, size in zip(shape, own, strict=True)]
        x = self.shaped(node, tensor, own)
        return x if own == shape else self.intermediate(node, "tile", x=x, reps=repeats)

    def write(self, node: Node, operator: str, **arguments: Any) -> None:
        """Compute the node's outputs, one or, as for `split`, several.

        Raises:
            ConversionRefused: An output has a type, rank or size that Core ML has not, or would get another shape in
                Core ML than in ONNX; or coremltools refuses the arguments.
        """
        for tensor in node.outputs:
            self._check(node, tensor)
        names = [self._result_name(node, tensor, operator, arguments) for tensor in node.outputs]
        name = names[0] if len(names) == 1 else self.name(f"{names[0]}_{operator}")
        result = self._append(node, operator, name, arguments)
        variables = result if isinstance(result, list | tuple) else [result]
        if len(variables) != len(names):
            raise self.refusal(node, "the further outputs", ", ".join(node.outputs[1:]), "use the first output alone")
        for tensor, variable, name in zip(node.outputs, variables, names, strict=True):
            if tuple(variable.shape) != self.shape(tensor):
                found = f"{self.shape(tensor)} with {dict(node.attributes)}"
                raise self.refusal(node, "shape", found, f"it gives {tuple(variable.shape)}")
            variable.name = name
            self._variables[tensor] = variable

    def intermediate(self, node: Node, operator: str, **arguments: Any) -> Variable:
        """Compute a tensor that the graph does not have."""
        return self._append(node, operator, self.name(f"{node.outputs[0]}_{operator}"), arguments)

    def outputs(self) -> list[Variable]:
        """The variables of the graph's outputs: float32 or int32, under the names that `emit` promises.

        Raises:
            ConversionRefused: An output is not computed.
        """
        results = []
        for tensor in self.graph.outputs:
            if tensor in self.graph.inputs or tensor not in self._variables:
                raise ConversionRefused(f"output '{tensor}' is not computed from the input; remove it from the model")
            variable, name = self._variables[tensor], self._borders[tensor]
            # Core ML has neither float16, before iOS 16, nor bool at its borders.
            if variable.is_tensor_or_scalar_of(dtype="fp16"):
                variable = self._builder.cast(x=variable, dtype="fp32", name=name)
            elif variable.is_tensor_or_scalar_of(dtype="bool"):
                variable = self._builder.cast(x=variable, dtype="int32", name=name)
            results.append(variable)
        return results

    def name(self, tensor: str) -> str:
        """A tensor's name as Core ML allows it: letters, digits and underscores, each name once."""
        name = allowed_name(tensor)
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name

    def _result_name(self, node: Node, tensor: str, operator: str, arguments: dict[str, Any]) -> str:
        """The name of an output goes to the variable that Core ML shows, which may be a cast of the node's result."""
        if tensor not in self._borders:
            return self.name(tensor)
        if self.graph.dtypes[tensor].kind == "b":
            return self.name(f"{tensor}_bool")
        is_half = self.is_real(tensor) and self._is_half(node, operator, arguments)
        return self.name(f"{tensor}_fp16") if is_half else self._borders[tensor]

    def _check(self, node: Node, tensor: str) -> None:
        shape, dtype = self.shape(tensor), self.graph.dtypes[tensor]
        if dtype.name not in KINDS:
            raise self.refusal(node, "numbers of type", dtype, f"export the model with {', '.join(KINDS)}")
        if 0 in shape:
            raise self.refusal(node, "an empty tensor of shape", shape, "remove it from the model")
        if len(shape) > LARGEST_RANK:
            raise self.refusal(node, "a tensor of rank", len(shape), f"use at most {LARGEST_RANK} axes")

    def _append(self, node: Node, operator: str, name: str, arguments: dict[str, Any]) -> Variable:
        kind = "fp16" if self._is_half(node, operator, arguments) else "fp32"
        given = {key: self._argument(value, kind) for key, value in arguments.items()}
        try:
            return getattr(self._builder, operator)(**given, name=name)
        except (ValueError, TypeError, IndexError, AssertionError, NotImplementedError) as error:
            found = f"{operator} of {[self.shape(name) for name in node.inputs if name]}: {error}"
            raise self.refusal(node, "this as", found, "change the model there") from error

    def _is_half(self, node: Node, operator: str, arguments: dict[str, Any]) -> bool:
        """Whether an operator computes in float16."""
        if self._precision == "fp32" or not self._single.isdisjoint(node.outputs):
            return False
        return half.fits(operator, arguments.values())

    def _argument(self, value: Any, kind: str) -> Any:
        """A constant or variable in the precision of the operator that reads it; what is not real stays."""
        if isinstance(value, self._variable_type):
            other = "fp32" if kind == "fp16" else "fp16"
            return self._as_kind(value, kind) if value.is_tensor_or_scalar_of(dtype=other) else value
        if isinstance(value, list):
            return [self._argument(item, kind) for item in value]
        if isinstance(value, np.ndarray | np.floating) and value.dtype.kind == "f":
            return half.rounded(value) if kind == "fp16" else value.astype(np.float32, copy=False)
        return value

    def _as_kind(self, variable: Variable, kind: str) -> Variable:
        """A variable in another type, cast once for all who read it."""
        key = variable.name, kind
        if key not in self._cast:
            name = self.name(f"{variable.name}_{kind}")
            self._cast[key] = self._builder.cast(x=variable, dtype=kind, name=name)
        return self._cast[key]


def allowed_name(tensor: str) -> str:
    """A tensor's name with what Core ML does not allow replaced by underscores."""
    name = re.sub(r"\W", "_", tensor, flags=re.ASCII)
    return name if re.match("[A-Za-z_]", name) else f"_{name}"


def _plain(value: Array) -> Array:
    """A constant as MIL has it: real numbers as float32, whole ones, which the graph holds to 32 bits, as int32."""
    kind = {"f": np.float32, "b": np.bool_}.get(value.dtype.kind, np.int32)
    return value.astype(kind, copy=False)
