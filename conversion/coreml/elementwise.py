"""Operators that treat every value alike, and the arithmetic of two tensors."""

import math
from collections.abc import Callable

import numpy as np

from conversion.coreml.emission import Emission
from conversion.graph import Node

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


def clip(node: Node, emission: Emission) -> None:
    """Clip, as the narrowest operator that MIL has for its bounds."""
    x = emission.read(node.inputs[0])
    low, high = node.attributes["min"], node.attributes["max"]
    if (low, high) == (0, 6):
        emission.write(node, "relu6", x=x)
    elif math.isinf(high):
        emission.write(node, "maximum", x=x, y=np.float32(low))
    elif math.isinf(low):
        emission.write(node, "minimum", x=x, y=np.float32(high))
    else:
        emission.write(node, "clip", x=x, alpha=np.float32(low), beta=np.float32(high))


def hard_sigmoid(node: Node, emission: Emission) -> None:
    """HardSigmoid: clip(alpha x + beta, 0, 1)."""
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    emission.write(
        node, "sigmoid_hard", x=emission.read(node.inputs[0]), alpha=np.float32(alpha), beta=np.float32(beta)
    )


def hard_swish(node: Node, emission: Emission) -> None:
    """HardSwish as x · hard_sigmoid(x): x · relu6(x + 3) on its way to / 6 leaves float16 from x = 10918 on."""
    x = emission.read(node.inputs[0])
    gate = emission.intermediate(node, "sigmoid_hard", x=x, alpha=np.float32(1 / 6), beta=np.float32(0.5))
    emission.write(node, "mul", x=x, y=gate)
