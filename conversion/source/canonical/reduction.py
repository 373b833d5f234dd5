"""Operators whose meaning depends on axes: Softmax, reductions, Concat and Split."""

import math
from typing import Literal

from conversion.source.canonical.builder import Draft, Spell, refusal
from conversion.source.node import Node


def softmax(node: Node, draft: Draft) -> None:
    """Softmax or LogSoftmax; before opset 13 it runs over all axes from the named one on, flattened."""
    (x,), output = node.inputs, node.outputs[0]
    shape = draft.shapes[x]
    axis = node.attributes.get("axis", 1 if draft.opset < 13 else -1) % max(len(shape), 1)
    if draft.opset >= 13 or math.prod(shape[axis + 1 :]) == 1:
        draft.unary(node.operator, x, output, axis=axis)
        return
    flat = draft.reshape(x, (math.prod(shape[:axis]), math.prod(shape[axis:])))
    draft.reshape(draft.unary(node.operator, flat, axis=1), shape, output)


def reduction(node: Node, draft: Draft) -> None:
    """A reduction that both targets know."""
    axes = _axes(node, draft)
    keepdims = bool(node.attributes.get("keepdims", 1))
    if axes:
        draft.reduce(node.operator, node.inputs[0], axes, node.outputs[0], keepdims=keepdims)
    else:
        draft.alias(node.outputs[0], node.inputs[0])


def reduced(inner: Literal["Abs", "Mul"] | None, outer: str | None) -> Spell:
    """A ReduceSum of absolute values or squares, and some function of that."""

    def spell(node: Node, draft: Draft) -> None:
        x, output = node.inputs[0], node.outputs[0]
        axes = _axes(node, draft)
        if not axes and node.attributes.get("noop_with_empty_axes", 0):
            raise refusal(node, "axes", "that are empty", "remove it from the model")
        if inner == "Abs":
            x = draft.unary("Abs", x)
        elif inner == "Mul":
            x = draft.binary("Mul", x, x)
        keepdims = bool(node.attributes.get("keepdims", 1))
        total = draft.reduce("ReduceSum", x, axes, "" if outer else output, keepdims=keepdims)
        if outer:
            draft.unary(outer, total, output)

    return spell


def log_sum_exp(node: Node, draft: Draft) -> None:
    """ReduceLogSumExp, with the largest value taken out so that none overflows."""
    x, axes = node.inputs[0], _axes(node, draft)
    largest = draft.reduce("ReduceMax", x, axes)
    grown = draft.unary("Exp", draft.binary("Sub", x, largest))
    summed = draft.binary("Add", draft.unary("Log", draft.reduce("ReduceSum", grown, axes)), largest)
    draft.reshape(summed, draft.shapes[node.outputs[0]], node.outputs[0])


def global_pool(operator: str) -> Spell:
    """A pool over the whole image is a reduction."""

    def spell(node: Node, draft: Draft) -> None:
        draft.reduce(operator, node.inputs[0], range(2, len(draft.shapes[node.inputs[0]])), node.outputs[0])

    return spell


def index_of_extreme(node: Node, draft: Draft) -> None:
    """ArgMax and ArgMin."""
    draft.write(
        node.operator,
        node.inputs,
        node.outputs,
        axis=node.attributes.get("axis", 0) % max(len(draft.shapes[node.inputs[0]]), 1),
        keepdims=node.attributes.get("keepdims", 1),
        select_last_index=node.attributes.get("select_last_index", 0),
    )


def concat(node: Node, draft: Draft) -> None:
    """Concat along an axis, of what has any length along it."""
    axis = node.attributes.get("axis", 1) % len(draft.shapes[node.outputs[0]])
    parts = [name for name in node.inputs if draft.shapes[name][axis]] or node.inputs[:1]
    if len(parts) == 1:
        draft.alias(node.outputs[0], parts[0])
    else:
        draft.write("Concat", parts, node.outputs[0], axis=axis)


def split(node: Node, draft: Draft) -> None:
    """Split into the lengths that shape inference knows."""
    axis = node.attributes.get("axis", 0) % len(draft.shapes[node.inputs[0]])
    if len(node.outputs) == 1:
        draft.alias(node.outputs[0], node.inputs[0])
    else:
        lengths = tuple(draft.shapes[name][axis] for name in node.outputs)
        draft.write("Split", node.inputs[:1], node.outputs, axis=axis, split=lengths)


def _axes(node: Node, draft: Draft) -> tuple[int, ...]:
    """Which axes are reduced: an input since opset 18 (13 for ReduceSum), an attribute before; all if none is named."""
    rank = len(draft.shapes[node.inputs[0]])
    given = draft.constant(node, 1)
    axes = [int(axis) for axis in (node.attributes.get("axes", ()) if given is None else given.reshape(-1))]
    if not axes and not node.attributes.get("noop_with_empty_axes", 0):
        return tuple(range(rank))
    return tuple(sorted({axis % rank for axis in axes}))
