"""Operators whose value is known once shapes and constants are."""

import math

import numpy as np

from conversion.source.canonical.builder import Draft, refusal
from conversion.source.node import Node


def constant(node: Node, draft: Draft) -> None:
    """Constant, in any of its forms.

    Raises:
        ConversionRefused: It holds texts or a sparse tensor.
    """
    for name, value in node.attributes.items():
        if name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
            draft.fix(node.outputs[0], np.asarray(value, draft.dtypes[node.outputs[0]]))
            return
    raise refusal(node, "a value of", ", ".join(node.attributes), "use a dense tensor of numbers")


def shape(node: Node, draft: Draft) -> None:
    """Shape, of some axes since opset 15."""
    whole = draft.shapes[node.inputs[0]]
    part = whole[slice(node.attributes.get("start"), node.attributes.get("end"))]
    draft.fix(node.outputs[0], np.asarray(part, np.int64))


def size(node: Node, draft: Draft) -> None:
    """Size: the number of elements."""
    draft.fix(node.outputs[0], np.asarray(math.prod(draft.shapes[node.inputs[0]]), np.int64))


def filled(node: Node, draft: Draft) -> None:
    """ConstantOfShape: one value everywhere."""
    value = node.attributes.get("value", np.zeros(1, np.float32))
    draft.allow(node)
    draft.fix(node.outputs[0], np.full(draft.shapes[node.outputs[0]], value.reshape(-1)[0]))


def arange(node: Node, draft: Draft) -> None:
    """Range: from start to limit by delta."""
    start, _, delta = (draft.constant(node, position) for position in range(3))
    assert start is not None
    assert delta is not None
    draft.allow(node)
    steps = np.arange(draft.shapes[node.outputs[0]][0]).astype(start.dtype)
    draft.fix(node.outputs[0], np.asarray(start + steps * delta, start.dtype))


def eye(node: Node, draft: Draft) -> None:
    """EyeLike: ones on a diagonal."""
    rows, columns = draft.shapes[node.outputs[0]]
    draft.allow(node)
    dtype = draft.dtypes[node.outputs[0]]
    draft.fix(node.outputs[0], np.eye(rows, columns, node.attributes.get("k", 0), dtype))
