"""Operators that treat every value alike, and the arithmetic of two tensors."""

from collections.abc import Callable

import numpy as np

from conversion.coreml.emission import Emission, refusal
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
    low, high = _bounds(node, emission)
    match low, high:
        case None, None:
            emission.write(node, "identity", x=x)
        case 0, None:
            emission.write(node, "relu", x=x)
        case 0, 6:
            emission.write(node, "relu6", x=x)
        case _, None:
            emission.write(node, "maximum", x=x, y=np.float32(low))
        case None, _:
            emission.write(node, "minimum", x=x, y=np.float32(high))
        case _:
            emission.write(node, "clip", x=x, alpha=np.float32(low), beta=np.float32(high))


def _bounds(node: Node, emission: Emission) -> tuple[float | None, float | None]:
    """Least and greatest value; one that no float32 exceeds is none."""
    bounds = []
    for position, name in ((1, "min"), (2, "max")):
        value = emission.constant(node, position)
        bound = node.attributes.get(name) if value is None else value.item()
        bounds.append(None if bound is None or abs(bound) >= np.finfo(np.float32).max else float(bound))
    return bounds[0], bounds[1]


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


def batch_normalisation(node: Node, emission: Emission) -> None:
    """BatchNormalization that could not be folded into a Conv: one factor and one offset per channel.

    Folded in double precision, because float16 holds neither small variances nor epsilon.

    Raises:
        ConversionRefused: It is in training mode.
    """
    if node.attributes.get("training_mode", 0):
        raise refusal(node, "training_mode", 1, "export the model in evaluation mode")
    scale, offset, mean, variance = (_double(node, position, emission) for position in range(1, 5))
    factor = scale / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    column = (-1,) + (1,) * (len(emission.shape(node.inputs[0])) - 2)
    scaled = emission.intermediate(
        node, "mul", x=emission.read(node.inputs[0]), y=factor.reshape(column).astype(np.float32)
    )
    emission.write(node, "add", x=scaled, y=(offset - mean * factor).reshape(column).astype(np.float32))


def _double(node: Node, position: int, emission: Emission) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    value = emission.constant(node, position)
    assert value is not None
    return value.astype(np.float64)
