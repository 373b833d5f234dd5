"""Operators whose meaning depends on axes: Softmax, reductions, Concat and Split."""

import math
from typing import Literal

from conversion.source.canonical.builder import Canonicalise, GraphBuilder, refusal
from conversion.source.node import Node


def softmax(node: Node, builder: GraphBuilder) -> None:
    """Softmax or LogSoftmax; before opset 13 it runs over all axes from the named one on, flattened."""
    (x,), output = node.inputs, node.outputs[0]
    shape = builder.shapes[x]
    axis = node.attributes.get("axis", 1 if builder.opset < 13 else -1) % max(len(shape), 1)
    if builder.opset >= 13 or math.prod(shape[axis + 1 :]) == 1:
        builder.unary(node.operator, x, output, axis=axis)
        return
    flat = builder.reshape(x, (math.prod(shape[:axis]), math.prod(shape[axis:])))
    builder.reshape(builder.unary(node.operator, flat, axis=1), shape, output)


def reduction(node: Node, builder: GraphBuilder) -> None:
    """A reduction that both targets know."""
    axes = _axes(node, builder)
    keepdims = bool(node.attributes.get("keepdims", 1))
    if axes:
        builder.reduce(node.operator, node.inputs[0], axes, node.outputs[0], keepdims=keepdims)
    else:
        builder.alias(node.outputs[0], node.inputs[0])


def reduced(inner: Literal["Abs", "Mul"] | None, outer: str | None) -> Canonicalise:
    """A ReduceSum of absolute values or squares, and some function of that."""

    def rewrite(node: Node, builder: GraphBuilder) -> None:
        x, output = node.inputs[0], node.outputs[0]
        axes = _axes(node, builder)
        if not axes and node.attributes.get("noop_with_empty_axes", 0):
            raise refusal(node, "axes", "that are empty", "remove it from the model")
        if inner == "Abs":
            x = builder.unary("Abs", x)
        elif inner == "Mul":
            x = builder.binary("Mul", x, x)
        keepdims = bool(node.attributes.get("keepdims", 1))
        total = builder.reduce("ReduceSum", x, axes, "" if outer else output, keepdims=keepdims)
        if outer:
            builder.unary(outer, total, output)

    return rewrite


def log_sum_exp(node: Node, builder: GraphBuilder) -> None:
    """ReduceLogSumExp, with the largest value taken out so that none overflows."""
    x, axes = node.inputs[0], _axes(node, builder)
    largest = builder.reduce("ReduceMax", x, axes)
    grown = builder.unary("Exp", builder.binary("Sub", x, largest))
    summed = builder.binary("Add", builder.unary("Log", builder.reduce("ReduceSum", grown, axes)), largest)
    builder.reshape(summed, builder.shapes[node.outputs[0]], node.outputs[0])


def global_pool(operator: str) -> Canonicalise:
    """A pool over the whole image is a reduction."""

    def rewrite(node: Node, builder: GraphBuilder) -> None:
        builder.reduce(operator, node.inputs[0], range(2, len(builder.shapes[node.inputs[0]])), node.outputs[0])

    return rewrite


def index_of_extreme(node: Node, builder: GraphBuilder) -> None:
    """ArgMax and ArgMin."""
    builder.write(
        node.operator,
        node.inputs,
        node.outputs,
        axis=node.attributes.get("axis", 0) % max(len(builder.shapes[node.inputs[0]]), 1),
        keepdims=node.attributes.get("keepdims", 1),
        select_last_index=node.attributes.get("select_last_index", 0),
    )


def concat(node: Node, builder: GraphBuilder) -> None:
    """Concat along an axis, of what has any length along it."""
    axis = node.attributes.get("axis", 1) % len(builder.shapes[node.outputs[0]])
    parts = [name for name in node.inputs if builder.shapes[name][axis]] or node.inputs[:1]
    if len(parts) == 1:
        builder.alias(node.outputs[0], parts[0])
    else:
        builder.write("Concat", parts, node.outputs[0], axis=axis)


def split(node: Node, builder: GraphBuilder) -> None:
    """Split into the lengths that shape inference knows."""
    axis = node.attributes.get("axis", 0) % len(builder.shapes[node.inputs[0]])
    if len(node.outputs) == 1:
        builder.alias(node.outputs[0], node.inputs[0])
    else:
        lengths = tuple(builder.shapes[name][axis] for name in node.outputs)
        builder.write("Split", node.inputs[:1], node.outputs, axis=axis, split=lengths)


def _axes(node: Node, builder: GraphBuilder) -> tuple[int, ...]:
    """Which axes are reduced: an input since opset 18 (13 for ReduceSum), an attribute before; all if none is named."""
    rank = len(builder.shapes[node.inputs[0]])
    given = builder.constant(node, 1)
    axes = [int(axis) for axis in (node.attributes.get("axes", ()) if given is None else given.reshape(-1))]
    if not axes and not node.attributes.get("noop_with_empty_axes", 0):
        return tuple(range(rank))
    return tuple(sorted({axis % rank for axis in axes}))
