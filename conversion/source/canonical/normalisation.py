"""Softmax and normalisations; what not both targets know is written as reductions and arithmetic."""

import math

import numpy as np

from conversion.source.canonical.builder import GraphBuilder
from conversion.source.node import Node
from training.student.arrays import Array


def batch(node: Node, builder: GraphBuilder) -> None:
    """BatchNormalization: one factor and one offset per channel.

    Raises:
        ConversionRefused: It is in training mode, or normalises each place by itself.
    """
    training = node.attributes.get("training_mode", 0) or (builder.opset < 7 and not node.attributes.get("is_test", 0))
    if training or len(node.outputs) > 1:
        raise builder.refusal(node, "training_mode", 1, "export the model in evaluation mode")
    if not node.attributes.get("spatial", 1):
        raise builder.refusal(node, "spatial", 0, "export with opset 9 or later")
    scale, offset, mean, variance = (_double(node, position, builder) for position in range(1, 5))
    factor = scale / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    column = (-1,) + (1,) * max(len(builder.shapes[node.inputs[0]]) - 2, 0)
    scaled = builder.binary("Mul", node.inputs[0], factor.reshape(column))
    builder.binary("Add", scaled, (offset - mean * factor).reshape(column), node.outputs[0])


def layer(node: Node, builder: GraphBuilder) -> None:
    """LayerNormalization over the last axes."""
    builder.write(
        "LayerNormalization",
        [name for name in node.inputs if name],
        node.outputs,
        axis=node.attributes.get("axis", -1) % len(builder.shapes[node.inputs[0]]),
        epsilon=node.attributes.get("epsilon", 1e-5),
    )


def instance(node: Node, builder: GraphBuilder) -> None:
    """InstanceNormalization: each channel of each image by itself."""
    x, scale, offset = node.inputs
    rank = len(builder.shapes[x])
    scaled = builder.binary(
        "Mul", _standardised(x, range(2, rank), _epsilon(node), builder), _column(scale, rank, builder)
    )
    builder.binary("Add", scaled, _column(offset, rank, builder), node.outputs[0])


def group(node: Node, builder: GraphBuilder) -> None:
    """GroupNormalization; its scale is one per channel since opset 21, one per group before."""
    x, scale, offset = node.inputs
    shape, groups = builder.shapes[x], node.attributes["num_groups"]
    rank, size = len(shape), shape[1] // groups
    apart = builder.reshape(x, (shape[0], groups, math.prod(shape[1:]) // groups))
    together = builder.reshape(_standardised(apart, [2], _epsilon(node), builder), shape)

    def column(name: str) -> str:
        if builder.shapes[name] == (shape[1],):
            return _column(name, rank, builder)
        repeated = builder.write("Tile", [builder.reshape(name, (groups, 1))], shape=(groups, size), repeats=(1, size))
        return builder.reshape(repeated, (shape[1], *(1,) * (rank - 2)))

    builder.binary("Add", builder.binary("Mul", together, column(scale)), column(offset), node.outputs[0])


def mean_variance(node: Node, builder: GraphBuilder) -> None:
    """MeanVarianceNormalization: (x − mean) / (√variance + 1e-9), as ONNX defines it."""
    (x,) = node.inputs
    axes = node.attributes.get("axes", (0, 2, 3))
    centred = builder.binary("Sub", x, builder.reduce("ReduceMean", x, axes))
    variance = builder.reduce("ReduceMean", builder.binary("Mul", centred, centred), axes)
    builder.binary("Div", centred, builder.binary("Add", builder.unary("Sqrt", variance), 1e-9), node.outputs[0])


def lp(node: Node, builder: GraphBuilder) -> None:
    """LpNormalization: by the sum of absolute values or the root of the sum of squares along an axis; 0 stays 0."""
    (x,), axis, power = node.inputs, node.attributes.get("axis", -1), node.attributes.get("p", 2)
    if power == 1:
        norm = builder.reduce("ReduceSum", builder.unary("Abs", x), [axis])
    else:
        norm = builder.unary("Sqrt", builder.reduce("ReduceSum", builder.binary("Mul", x, x), [axis]))
    is_zero = builder.write("Equal", [norm, builder.number(0.0, like=norm)], dtype=np.dtype(np.bool_))
    divisor = builder.write("Where", [is_zero, builder.number(1.0, like=norm), norm], dtype=builder.dtypes[norm])
    builder.binary("Div", x, divisor, node.outputs[0])


def root_mean_square(node: Node, builder: GraphBuilder) -> None:
    """RMSNormalization over the last axes."""
    x, scale = node.inputs
    rank = len(builder.shapes[x])
    axes = range(node.attributes.get("axis", -1) % rank, rank)
    squares = builder.reduce("ReduceMean", builder.binary("Mul", x, x), axes)
    root = builder.unary("Sqrt", builder.binary("Add", squares, _epsilon(node)))
    builder.binary("Mul", builder.binary("Div", x, root), scale, node.outputs[0])


def _standardised(x: str, axes: "range | list[int]", epsilon: float, builder: GraphBuilder) -> str:
    """Mean 0, variance 1 over `axes`."""
    centred = builder.binary("Sub", x, builder.reduce("ReduceMean", x, axes))
    variance = builder.reduce("ReduceMean", builder.binary("Mul", centred, centred), axes)
    return builder.binary("Div", centred, builder.unary("Sqrt", builder.binary("Add", variance, epsilon)))


def _column(name: str, rank: int, builder: GraphBuilder) -> str:
    """Values of the channels, shaped so that they lie along axis 1."""
    return builder.reshape(name, (*builder.shapes[name], *(1,) * (rank - 2)))


def _epsilon(node: Node) -> float:
    return float(node.attributes.get("epsilon", 1e-5))


def _double(node: Node, position: int, builder: GraphBuilder) -> Array:
    return builder.required_constant(node, position).astype(np.float64)


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
