"""Operators that treat every value alike, and the arithmetic of two tensors."""

import math
from collections.abc import Callable

import numpy as np

from conversion.coreml.builder import Builder
from conversion.source.graph import Node
from training.student.arrays import Array

Emitter = Callable[[Node, Builder], None]


def unary(operator: str) -> Emitter:
    """An operator that MIL has under another name."""

    def emit(node: Node, builder: Builder) -> None:
        builder.write(node, operator, x=builder.read(node.inputs[0]))

    return emit


def binary(operator: str) -> Emitter:
    """Arithmetic of two tensors, aligned at their last axes in both ONNX and MIL."""

    def emit(node: Node, builder: Builder) -> None:
        builder.write(node, operator, x=builder.read(node.inputs[0]), y=builder.read(node.inputs[1]))

    return emit


def compare(operator: str) -> Emitter:
    """A comparison, of truths as of 0 and 1: MIL compares numbers."""

    def emit(node: Node, builder: Builder) -> None:
        x, y = (builder.number(name) for name in node.inputs)
        builder.write(node, operator, x=x, y=y)

    return emit


def divide(node: Node, builder: Builder) -> None:
    """Div of real numbers.

    Raises:
        ConversionRefused: It is of whole numbers, which ONNX rounds towards zero and MIL in no stated way.
    """
    if not builder.is_real(node.outputs[0]):
        raise builder.refusal(node, "division of", builder.graph.dtypes[node.outputs[0]], "cast to float and use Floor")
    binary("real_div")(node, builder)


def negate(node: Node, builder: Builder) -> None:
    """Neg."""
    builder.write(node, "mul", x=builder.read(node.inputs[0]), y=builder.like(node.inputs[0], -1))


def reciprocal(node: Node, builder: Builder) -> None:
    """Reciprocal as 1 / x: MIL's `inverse` is of x + epsilon."""
    builder.write(node, "real_div", x=np.float32(1), y=builder.read(node.inputs[0]))


def logarithm(node: Node, builder: Builder) -> None:
    """Log, without the epsilon that MIL adds by default."""
    builder.write(node, "log", x=builder.read(node.inputs[0]), epsilon=np.float32(0))


def clip(node: Node, builder: Builder) -> None:
    """Clip, as the narrowest operator that MIL has for its bounds."""
    x = node.inputs[0]
    low, high = node.attributes["min"], node.attributes["max"]
    if (low, high) == (0, 6) and builder.is_real(x):
        builder.write(node, "relu6", x=builder.read(x))
    elif math.isinf(high):
        builder.write(node, "maximum", x=builder.read(x), y=builder.like(x, low))
    elif math.isinf(low):
        builder.write(node, "minimum", x=builder.read(x), y=builder.like(x, high))
    elif builder.is_real(x):
        builder.write(node, "clip", x=builder.read(x), alpha=np.float32(low), beta=np.float32(high))
    else:
        raised = builder.intermediate(node, "maximum", x=builder.read(x), y=builder.like(x, low))
        builder.write(node, "minimum", x=raised, y=builder.like(x, high))


def elu(node: Node, builder: Builder) -> None:
    """Elu: alpha (eˣ − 1) below zero."""
    builder.write(node, "elu", x=builder.read(node.inputs[0]), alpha=np.float32(node.attributes["alpha"]))


def leaky_relu(node: Node, builder: Builder) -> None:
    """LeakyRelu: alpha x below zero."""
    builder.write(node, "leaky_relu", x=builder.read(node.inputs[0]), alpha=np.float32(node.attributes["alpha"]))


def prelu(node: Node, builder: Builder) -> None:
    """PRelu: as MIL's where an image has one slope a channel, otherwise max(x, 0) + slope · min(x, 0)."""
    name, slope = node.inputs
    x = builder.read(name)
    if (alpha := _per_channel(builder.constants.get(slope), builder.shape(name))) is not None:
        builder.write(node, "prelu", x=x, alpha=alpha)
        return
    negative = builder.intermediate(node, "minimum", x=x, y=np.float32(0))
    scaled = builder.intermediate(node, "mul", x=negative, y=builder.read(slope))
    builder.write(node, "add", x=builder.intermediate(node, "relu", x=x), y=scaled)


def _per_channel(slope: Array | None, shape: tuple[int, ...]) -> Array | None:
    if slope is None or len(shape) != 4 or slope.size not in (1, shape[1]):
        return None
    aligned = (1,) * (4 - slope.ndim) + slope.shape
    return np.broadcast_to(slope.reshape(-1), shape[1:2]).copy() if aligned[1] == slope.size else None


def gelu(node: Node, builder: Builder) -> None:
    """Gelu, exact or by tanh."""
    mode = {"none": "EXACT", "tanh": "TANH_APPROXIMATION"}[node.attributes["approximate"]]
    builder.write(node, "gelu", x=builder.read(node.inputs[0]), mode=mode)


def hard_sigmoid(node: Node, builder: Builder) -> None:
    """HardSigmoid: clip(alpha x + beta, 0, 1)."""
    alpha, beta = (np.float32(node.attributes[name]) for name in ("alpha", "beta"))
    builder.write(node, "sigmoid_hard", x=builder.read(node.inputs[0]), alpha=alpha, beta=beta)


def hard_swish(node: Node, builder: Builder) -> None:
    """HardSwish as x · hard_sigmoid(x): x · relu6(x + 3) on its way to / 6 leaves float16 from x = 10918 on."""
    x = builder.read(node.inputs[0])
    gate = builder.intermediate(node, "sigmoid_hard", x=x, alpha=np.float32(1 / 6), beta=np.float32(0.5))
    builder.write(node, "mul", x=x, y=gate)


def cast(node: Node, builder: Builder) -> None:
    """Cast between float32, int32 and bool; real numbers lose their fraction."""
    if builder.is_real(node.inputs[0]) and builder.is_real(node.outputs[0]):
        raise builder.refusal(node, "a cast to", node.attributes["to"], "export the model in float32")
    builder.write(node, "cast", x=builder.read(node.inputs[0]), dtype=builder.kind(node, node.outputs[0]))


def where(node: Node, builder: Builder) -> None:
    """Where, its values in the shape of the result: MIL broadcasts them to each other, but not to the condition."""
    shape = builder.shape(node.outputs[0])
    a, b = (builder.broadcast(node, name, shape) for name in node.inputs[1:])
    builder.write(node, "select", cond=builder.read(node.inputs[0]), a=a, b=b)
