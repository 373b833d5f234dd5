"""Replaces patterns of several operators by the one operator that they mean.

Each function is given the last node of its pattern before the node is written, and follows its inputs back. The other
nodes of the pattern stay in the graph; where nothing else reads them, they are removed at the end.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np

from conversion.source.canonical.builder import GraphBuilder
from conversion.source.node import Node

_DEPTH = 4
"""Products within products that are looked into."""


def fuse_pattern(node: Node, builder: GraphBuilder) -> Node:
    """The one operator that computes the same as the node and those before it; the node itself if there is none."""
    for fuse in _PATTERNS.get(node.operator, ()):
        found = fuse(node, builder)
        if found is not None:
            return found
    return node


def _gelu(node: Node, builder: GraphBuilder) -> Node | None:
    """0.5 x (1 + erf(x / √2)), or 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))), multiplied in any order."""
    factor, terms = _product(node, builder)
    if len(terms) != 2 or not math.isclose(factor, 0.5, rel_tol=1e-5):
        return None
    for x, gate in (terms, terms[::-1]):
        inner = _one_plus(gate, builder)
        if builder.shapes[x] != builder.shapes[node.outputs[0]] or inner is None:
            continue
        if inner.operator == "Erf":
            scale, of = _factors(inner.inputs[0], builder)
            if of == [x] and math.isclose(scale, math.sqrt(0.5), rel_tol=1e-4):
                return Node("Gelu", (x,), node.outputs, {"approximate": "none"}, node.name)
        if inner.operator == "Tanh" and _is_cubic(inner.inputs[0], x, builder):
            return Node("Gelu", (x,), node.outputs, {"approximate": "tanh"}, node.name)
    return None


def _is_cubic(name: str, x: str, builder: GraphBuilder) -> bool:
    """Whether it is √(2/π) (x + 0.044715 x³)."""
    scale, of = _factors(name, builder)
    if not math.isclose(scale, math.sqrt(2 / math.pi), rel_tol=1e-4):
        return False
    if len(of) == 2 and x in of:
        square = _one_plus(of[1] if of[0] == x else of[0], builder)
        return square is not None and _is_power(square.outputs[0], x, 2, builder)
    added = builder.producer(of[0]) if len(of) == 1 else Node("", (), ())
    if added.operator != "Add" or x not in added.inputs:
        return False
    return _is_power(added.inputs[1] if added.inputs[0] == x else added.inputs[0], x, 3, builder)


def _is_power(name: str, x: str, exponent: int, builder: GraphBuilder) -> bool:
    scale, of = _factors(name, builder)
    return of == [x] * exponent and math.isclose(scale, 0.044715, rel_tol=1e-4)


def _hard_sigmoid(node: Node, builder: GraphBuilder) -> Node | None:
    """clip(x + 3, 0, 6) / 6; and x times it, or times HardSigmoid(x), is HardSwish."""
    factor, terms = _product(node, builder)
    gates = [(_gated(name, builder), name) for name in terms]
    for x, gate in gates:
        others = [name for name in terms if name != gate]
        scale = factor * (1 if builder.producer(gate).operator == "HardSigmoid" else 6)
        if not x or builder.shapes[x] != builder.shapes[node.outputs[0]] or not math.isclose(scale, 1, rel_tol=1e-4):
            continue
        if others == [x] and len(terms) == 2:
            return Node("HardSwish", (x,), node.outputs, {}, node.name)
        if len(terms) == 1:
            return Node("HardSigmoid", (x,), node.outputs, {"alpha": 1 / 6, "beta": 0.5}, node.name)
    return None


def _gated(name: str, builder: GraphBuilder) -> str:
    """The x of HardSigmoid(x) with a slope of 1/6, or of clip(x + 3, 0, 6); empty for anything else."""
    gate = builder.producer(name)
    if gate.operator == "HardSigmoid":
        slope, offset = gate.attributes["alpha"], gate.attributes["beta"]
        return gate.inputs[0] if math.isclose(slope, 1 / 6, rel_tol=1e-4) and offset == 0.5 else ""
    if gate.operator != "Clip" or (gate.attributes["min"], gate.attributes["max"]) != (0, 6):
        return ""
    added = builder.producer(gate.inputs[0])
    for x, three in (added.inputs, added.inputs[::-1]) if added.operator == "Add" else ():
        if _number(three, builder) == 3:
            return x
    return ""


def _layer_normalisation(node: Node, builder: GraphBuilder) -> Node | None:
    """(x − mean) / √(variance + epsilon) · scale over the last axes."""
    for quotient, scale in (node.inputs, node.inputs[::-1]):
        found = _standardised(builder.producer(quotient), builder)
        if found is None or scale not in builder.constants:
            continue
        x, axis, epsilon = found
        normalised = builder.shapes[x][axis:]
        if (
            _trimmed(builder.shapes[scale]) == _trimmed(normalised)
            and builder.shapes[x] == builder.shapes[node.outputs[0]]
        ):
            inputs = (x, builder.reshape(scale, normalised))
            return Node("LayerNormalization", inputs, node.outputs, {"axis": axis, "epsilon": epsilon}, node.name)
    return None


def _offset_of_layer_normalisation(node: Node, builder: GraphBuilder) -> Node | None:
    for name, offset in (node.inputs, node.inputs[::-1]):
        earlier = builder.producer(name)
        if earlier.operator != "LayerNormalization" or len(earlier.inputs) > 2 or offset not in builder.constants:
            continue
        shape = builder.shapes[earlier.inputs[1]]
        if _trimmed(builder.shapes[offset]) == _trimmed(shape):
            inputs = (*earlier.inputs, builder.reshape(offset, shape))
            return Node("LayerNormalization", inputs, node.outputs, earlier.attributes, node.name)
    return None


def _standardised(node: Node, builder: GraphBuilder) -> tuple[str, int, float] | None:
    """Input, first axis and epsilon of (x − mean) / √(variance + epsilon)."""
    if node.operator not in ("Div", "Mul"):
        return None
    centred, divisor = node.inputs
    if node.operator == "Mul":
        divisor = _read_by(divisor, "Reciprocal", builder)
    total = builder.producer(_read_by(divisor, "Sqrt", builder))
    if total.operator != "Add":
        return None
    variance, epsilon = (builder.producer(total.inputs[0]), _number(total.inputs[1], builder))
    difference = builder.producer(centred)
    if variance.operator != "ReduceMean" or difference.operator != "Sub" or epsilon is None:
        return None
    x, mean = difference.inputs[0], builder.producer(difference.inputs[1])
    squares = _factors(variance.inputs[0], builder)
    rank = len(builder.shapes[x])
    axes = variance.attributes["axes"]
    is_mean = mean.operator == "ReduceMean" and mean.inputs[0] == x and mean.attributes == variance.attributes
    if squares != (1.0, [centred, centred]) or not is_mean or axes != tuple(range(axes[0], rank)):
        return None
    return (x, axes[0], epsilon) if variance.attributes["keepdims"] else None


def _read_by(name: str, operator: str, builder: GraphBuilder) -> str:
    """What the node of this operator reads that writes `name`; empty if another wrote it."""
    node = builder.producer(name)
    return node.inputs[0] if node.operator == operator else ""


def _one_plus(name: str, builder: GraphBuilder) -> Node | None:
    """What produces y where `name` is 1 + y."""
    node = builder.producer(name)
    for y, one in (node.inputs, node.inputs[::-1]) if node.operator == "Add" else ():
        if _number(one, builder) == 1:
            return builder.producer(y)
    return None


def _product(node: Node, builder: GraphBuilder, depth: int = _DEPTH) -> tuple[float, list[str]]:
    """What a Mul, Div or Pow multiplies: a number, and tensors as often as they occur."""
    a, b = node.inputs
    number = _number(b, builder)
    if node.operator == "Mul":
        (one, left), (other, right) = (_factors(name, builder, depth - 1) for name in (a, b))
        return one * other, left + right
    if node.operator == "Div" and number:
        factor, terms = _factors(a, builder, depth - 1)
        return factor / number, terms
    if node.operator == "Pow" and number in (2, 3):
        factor, terms = _factors(a, builder, depth - 1)
        return factor ** int(number), terms * int(number)
    return 1.0, list(node.outputs)


def _factors(name: str, builder: GraphBuilder, depth: int = _DEPTH) -> tuple[float, list[str]]:
    number, node = _number(name, builder), builder.producer(name)
    if number is not None:
        return number, []
    return _product(node, builder, depth) if depth and node.operator in ("Mul", "Div", "Pow") else (1.0, [name])


def _number(name: str, builder: GraphBuilder) -> float | None:
    """The value of a constant of one element."""
    value = builder.constants.get(name)
    return float(value.reshape(-1)[0]) if value is not None and value.size == 1 and value.dtype.kind == "f" else None


def _trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without the leading axes of length 1 that broadcasting adds."""
    sizes = np.trim_zeros(np.asarray(shape) - 1, "f") + 1
    return tuple(sizes.tolist())


_PATTERNS: Mapping[str, tuple[Callable[[Node, GraphBuilder], Node | None], ...]] = {
    "Add": (_offset_of_layer_normalisation,),
    "Div": (_gelu, _hard_sigmoid),
    "Mul": (_gelu, _hard_sigmoid, _layer_normalisation),
}
