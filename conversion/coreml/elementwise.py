"""Operators that treat every value alike, and the arithmetic of two tensors."""

import math
from collections.abc import Callable

import numpy as np

from conversion.coreml.builder import Emission, refusal
from conversion.source.graph import Array, Node

Emitter = Callable[[Node, Emission], None]


def unary(operator: str) -> Emitter:
    """An operator that MIL has under another name."""

    def emit(node: Node, emission: Emission) -> None:
        emission.write(node, operator, x=emission.read(node.inputs[0]))

    return emit


def binary(operator: str) -> Emitter:
    """Arithmetic of two tensors, aligned at their last axes in both ONNX and MIL."""

    def emit(node: Node, emission: Emission) -> None:
        emission.write(node, operator, x=emission.read(node.inputs[0]), y=emission.read(node.inputs[1]))

    return emit


def compare(operator: str) -> Emitter:
    """A comparison, of truths as of 0 and 1: MIL compares numbers."""

    def emit(node: Node, emission: Emission) -> None:
        x, y = (emission.number(name) for name in node.inputs)
        emission.write(node, operator, x=x, y=y)

    return emit


def divide(node: Node, emission: Emission) -> None:
    """Div of real numbers.

    Raises:
        ConversionRefused: It is of whole numbers, which ONNX rounds towards zero and MIL in no stated way.
    """
    if not emission.is_real(node.outputs[0]):
        raise refusal(node, "division of", emission.graph.dtypes[node.outputs[0]], "cast to float and use Floor")
    binary("real_div")(node, emission)


def negate(node: Node, emission: Emission) -> None:
    """Neg."""
    emission.write(node, "mul", x=emission.read(node.inputs[0]), y=emission.like(node.inputs[0], -1))


def reciprocal(node: Node, emission: Emission) -> None:
    """Reciprocal as 1 / x: MIL's `inverse` is of x + epsilon."""
    emission.write(node, "real_div", x=np.float32(1), y=emission.read(node.inputs[0]))


def logarithm(node: Node, emission: Emission) -> None:
    """Log, without the epsilon that MIL adds by default."""
    emission.write(node, "log", x=emission.read(node.inputs[0]), epsilon=np.float32(0))


def clip(node: Node, emission: Emission) -> None:
    """Clip, as the narrowest operator that MIL has for its bounds."""
    x = node.inputs[0]
    low, high = node.attributes["min"], node.attributes["max"]
    if (low, high) == (0, 6) and emission.is_real(x):
        emission.write(node, "relu6", x=emission.read(x))
    elif math.isinf(high):
        emission.write(node, "maximum", x=emission.read(x), y=emission.like(x, low))
    elif math.isinf(low):
        emission.write(node, "minimum", x=emission.read(x), y=emission.like(x, high))
    elif emission.is_real(x):
        emission.write(node, "clip", x=emission.read(x), alpha=np.float32(low), beta=np.float32(high))
    else:
        raised = emission.intermediate(node, "maximum", x=emission.read(x), y=emission.like(x, low))
        emission.write(node, "minimum", x=raised, y=emission.like(x, high))


def elu(node: Node, emission: Emission) -> None:
    """Elu: alpha (eˣ − 1) below zero."""
    emission.write(node, "elu", x=emission.read(node.inputs[0]), alpha=np.float32(node.attributes["alpha"]))


def leaky_relu(node: Node, emission: Emission) -> None:
    """LeakyRelu: alpha x below zero."""
    emission.write(node, "leaky_relu", x=emission.read(node.inputs[0]), alpha=np.float32(node.attributes["alpha"]))


def prelu(node: Node, emission: Emission) -> None:
    """PRelu: as MIL's where an image has one slope a channel, otherwise max(x, 0) + slope · min(x, 0)."""
    name, slope = node.inputs
    x = emission.read(name)
    if (alpha := _per_channel(emission.graph.constants.get(slope), emission.shape(name))) is not None:
        emission.write(node, "prelu", x=x, alpha=alpha)
        return
    negative = emission.intermediate(node, "minimum", x=x, y=np.float32(0))
    scaled = emission.intermediate(node, "mul", x=negative, y=emission.read(slope))
    emission.write(node, "add", x=emission.intermediate(node, "relu", x=x), y=scaled)


def _per_channel(slope: Array | None, shape: tuple[int, ...]) -> Array | None:
    if slope is None or len(shape) != 4 or slope.size not in (1, shape[1]):
        return None
    aligned = (1,) * (4 - slope.ndim) + slope.shape
    return np.broadcast_to(slope.reshape(-1), shape[1:2]).copy() if aligned[1] == slope.size else None


def gelu(node: Node, emission: Emission) -> None:
    """Gelu, exact or by tanh."""
    mode = {"none": "EXACT", "tanh": "TANH_APPROXIMATION"}[node.attributes["approximate"]]
    emission.write(node, "gelu", x=emission.read(node.inputs[0]), mode=mode)


def hard_sigmoid(node: Node, emission: Emission) -> None:
    """HardSigmoid: clip(alpha x + beta, 0, 1)."""
    alpha, beta = (np.float32(node.attributes[name]) for name in ("alpha", "beta"))
    emission.write(node, "sigmoid_hard", x=emission.read(node.inputs[0]), alpha=alpha, beta=beta)


def hard_swish(node: Node, emission: Emission) -> None:
    """HardSwish as x · hard_sigmoid(x): x · relu6(x + 3) on its way to / 6 leaves float16 from x = 10918 on."""
    x = emission.read(node.inputs[0])
    gate = emission.intermediate(node, "sigmoid_hard", x=x, alpha=np.float32(1 / 6), beta=np.float32(0.5))
    emission.write(node, "mul", x=x, y=gate)


def cast(node: Node, emission: Emission) -> None:
    """Cast between float32, int32 and bool; real numbers lose their fraction."""
    if emission.is_real(node.inputs[0]) and emission.is_real(node.outputs[0]):
        raise refusal(node, "a cast to", node.attributes["to"], "export the model in float32")
    emission.write(node, "cast", x=emission.read(node.inputs[0]), dtype=emission.kind(node, node.outputs[0]))


def where(node: Node, emission: Emission) -> None:
    """Where, its values in the shape of the result: MIL broadcasts them to each other, but not to the condition."""
    shape = emission.shape(node.outputs[0])
    a, b = (emission.broadcast(node, name, shape) for name in node.inputs[1:])
    emission.write(node, "select", cond=emission.read(node.inputs[0]), a=a, b=b)
