"""Normalisations, spelled out in reductions and arithmetic wherever not both targets know them."""

import math

import numpy as np

from conversion.source.canonical.builder import Draft, refusal
from conversion.source.node import Array, Node


def batch(node: Node, draft: Draft) -> None:
    """BatchNormalization: one factor and one offset per channel.

    Raises:
        ConversionRefused: It is in training mode, or normalises each place by itself.
    """
    training = node.attributes.get("training_mode", 0) or (draft.opset < 7 and not node.attributes.get("is_test", 0))
    if training or len(node.outputs) > 1:
        raise refusal(node, "training_mode", 1, "export the model in evaluation mode")
    if not node.attributes.get("spatial", 1):
        raise refusal(node, "spatial", 0, "export with opset 9 or later")
    scale, offset, mean, variance = (_double(node, position, draft) for position in range(1, 5))
    factor = scale / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    column = (-1,) + (1,) * max(len(draft.shapes[node.inputs[0]]) - 2, 0)
    scaled = draft.binary("Mul", node.inputs[0], factor.reshape(column))
    draft.binary("Add", scaled, (offset - mean * factor).reshape(column), node.outputs[0])


def layer(node: Node, draft: Draft) -> None:
    """LayerNormalization over the last axes."""
    draft.write(
        "LayerNormalization",
        [name for name in node.inputs if name],
        node.outputs,
        axis=node.attributes.get("axis", -1) % len(draft.shapes[node.inputs[0]]),
        epsilon=node.attributes.get("epsilon", 1e-5),
    )


def instance(node: Node, draft: Draft) -> None:
    """InstanceNormalization: each channel of each image by itself."""
    x, scale, offset = node.inputs
    rank = len(draft.shapes[x])
    scaled = draft.binary("Mul", _standardised(x, range(2, rank), _epsilon(node), draft), _column(scale, rank, draft))
    draft.binary("Add", scaled, _column(offset, rank, draft), node.outputs[0])


def group(node: Node, draft: Draft) -> None:
    """GroupNormalization; its scale is one per channel since opset 21, one per group before."""
    x, scale, offset = node.inputs
    shape, groups = draft.shapes[x], node.attributes["num_groups"]
    rank, size = len(shape), shape[1] // groups
    apart = draft.reshape(x, (shape[0], groups, math.prod(shape[1:]) // groups))
    together = draft.reshape(_standardised(apart, [2], _epsilon(node), draft), shape)

    def column(name: str) -> str:
        if draft.shapes[name] == (shape[1],):
            return _column(name, rank, draft)
        repeated = draft.write("Tile", [draft.reshape(name, (groups, 1))], shape=(groups, size), repeats=(1, size))
        return draft.reshape(repeated, (shape[1], *(1,) * (rank - 2)))

    draft.binary("Add", draft.binary("Mul", together, column(scale)), column(offset), node.outputs[0])


def mean_variance(node: Node, draft: Draft) -> None:
    """MeanVarianceNormalization: (x − mean) / (√variance + 1e-9), as ONNX defines it."""
    (x,) = node.inputs
    axes = node.attributes.get("axes", (0, 2, 3))
    centred = draft.binary("Sub", x, draft.reduce("ReduceMean", x, axes))
    variance = draft.reduce("ReduceMean", draft.binary("Mul", centred, centred), axes)
    draft.binary("Div", centred, draft.binary("Add", draft.unary("Sqrt", variance), 1e-9), node.outputs[0])


def lp(node: Node, draft: Draft) -> None:
    """LpNormalization: by the sum of absolute values or the root of the sum of squares along an axis; 0 stays 0."""
    (x,), axis, power = node.inputs, node.attributes.get("axis", -1), node.attributes.get("p", 2)
    if power == 1:
        norm = draft.reduce("ReduceSum", draft.unary("Abs", x), [axis])
    else:
        norm = draft.unary("Sqrt", draft.reduce("ReduceSum", draft.binary("Mul", x, x), [axis]))
    is_zero = draft.write("Equal", [norm, draft.number(0.0, like=norm)], dtype=np.dtype(np.bool_))
    divisor = draft.write("Where", [is_zero, draft.number(1.0, like=norm), norm], dtype=draft.dtypes[norm])
    draft.binary("Div", x, divisor, node.outputs[0])


def root_mean_square(node: Node, draft: Draft) -> None:
    """RMSNormalization over the last axes."""
    x, scale = node.inputs
    rank = len(draft.shapes[x])
    axes = range(node.attributes.get("axis", -1) % rank, rank)
    squares = draft.reduce("ReduceMean", draft.binary("Mul", x, x), axes)
    root = draft.unary("Sqrt", draft.binary("Add", squares, _epsilon(node)))
    draft.binary("Mul", draft.binary("Div", x, root), scale, node.outputs[0])


def _standardised(x: str, axes: "range | list[int]", epsilon: float, draft: Draft) -> str:
    """Mean 0, variance 1 over `axes`."""
    centred = draft.binary("Sub", x, draft.reduce("ReduceMean", x, axes))
    variance = draft.reduce("ReduceMean", draft.binary("Mul", centred, centred), axes)
    return draft.binary("Div", centred, draft.unary("Sqrt", draft.binary("Add", variance, epsilon)))


def _column(name: str, rank: int, draft: Draft) -> str:
    """Values of the channels, shaped so that they lie along axis 1."""
    return draft.reshape(name, (*draft.shapes[name], *(1,) * (rank - 2)))


def _epsilon(node: Node) -> float:
    return float(node.attributes.get("epsilon", 1e-5))


def _double(node: Node, position: int, draft: Draft) -> Array:
    value = draft.constant(node, position)
    assert value is not None
    return value.astype(np.float64)
