"""Operators that are computed from shapes and constants alone, such as Constant, Shape and Range."""

import math

import numpy as np

from conversion.source.canonical.builder import GraphBuilder
from conversion.source.node import Node


def constant(node: Node, builder: GraphBuilder) -> None:
    """Constant, in any of its forms.

    Raises:
        ConversionRefused: It holds texts or a sparse tensor.
    """
    for name, value in node.attributes.items():
        if name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
            builder.add_constant(node.outputs[0], np.asarray(value, builder.dtypes[node.outputs[0]]))
            return
    raise builder.refusal(node, "a value of", ", ".join(node.attributes), "use a dense tensor of numbers")


def shape(node: Node, builder: GraphBuilder) -> None:
    """Shape, of some axes since opset 15."""
    whole = builder.shapes[node.inputs[0]]
    part = whole[slice(node.attributes.get("start"), node.attributes.get("end"))]
    builder.add_constant(node.outputs[0], np.asarray(part, np.int64))


def size(node: Node, builder: GraphBuilder) -> None:
    """Size: the number of elements."""
    builder.add_constant(node.outputs[0], np.asarray(math.prod(builder.shapes[node.inputs[0]]), np.int64))


def filled(node: Node, builder: GraphBuilder) -> None:
    """ConstantOfShape: one value everywhere."""
    value = node.attributes.get("value", np.zeros(1, np.float32))
    builder.allow_constant(node)
    builder.add_constant(node.outputs[0], np.full(builder.shapes[node.outputs[0]], value.reshape(-1)[0]))


def arange(node: Node, builder: GraphBuilder) -> None:
    """Range: from start to limit by delta."""
    start, _, delta = (builder.required_constant(node, position) for position in range(3))
    builder.allow_constant(node)
    steps = np.arange(builder.shapes[node.outputs[0]][0]).astype(start.dtype)
    builder.add_constant(node.outputs[0], np.asarray(start + steps * delta, start.dtype))


def eye(node: Node, builder: GraphBuilder) -> None:
    """EyeLike: ones on a diagonal."""
    rows, columns = builder.shapes[node.outputs[0]]
    builder.allow_constant(node)
    dtype = builder.dtypes[node.outputs[0]]
    builder.add_constant(node.outputs[0], np.eye(rows, columns, node.attributes.get("k", 0), dtype))
