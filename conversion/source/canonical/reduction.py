"""Reductions over axes: Reduce*, ArgMax, ArgMin and the global pools."""

from typing import Literal

from conversion.source.canonical.builder import Canonicalise, GraphBuilder
from conversion.source.node import Node


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
            raise builder.refusal(node, "axes", "that are empty", "remove it from the model")
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


def _axes(node: Node, builder: GraphBuilder) -> tuple[int, ...]:
    """Which axes are reduced: an input since opset 18 (13 for ReduceSum), an attribute before; all if none is named."""
    rank = len(builder.shapes[node.inputs[0]])
    given = builder.constant(node, 1)
    axes = [int(axis) for axis in (node.attributes.get("axes", ()) if given is None else given.reshape(-1))]
    if not axes and not node.attributes.get("noop_with_empty_axes", 0):
        return tuple(range(rank))
    return tuple(sorted({axis % rank for axis in axes}))
