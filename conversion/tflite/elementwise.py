"""Operators that treat every value alike, and the arithmetic of several tensors."""

import math
from typing import Any

import numpy as np

from conversion.source.graph import Node
from conversion.tflite import fusion
from conversion.tflite.builder import Emission, Emitter


def plain(builtin: str, **options: Any) -> Emitter:
    """An operator that TFLite has under another name; its operands are broadcast as in ONNX."""

    def emit(node: Node, emission: Emission) -> None:
        order = emission.order(*node.inputs)
        emission.write(node, builtin, [emission.read(name, order) for name in node.inputs], order, **options)

    return emit


def identity(node: Node, emission: Emission) -> None:
    """Identity, where it gives an output of the graph its name."""
    order = emission.order(node.inputs[0])
    emission.relabel(node.outputs[0], emission.read(node.inputs[0], order), order)


def clip(node: Node, emission: Emission) -> None:
    """Relu or Clip that could not be fused: one activation if TFLite has it, otherwise MAXIMUM and MINIMUM."""
    order = emission.order(node.inputs[0])
    source = emission.read(node.inputs[0], order)
    low, high = fusion.bounds(node)
    if (low, high) in fusion.ACTIVATIONS:
        emission.write(node, fusion.ACTIVATIONS[low, high], [source], order)
    elif math.isinf(high):
        emission.write(node, "MAXIMUM", [source, emission.scalar(node, low)], order)
    else:
        if not math.isinf(low):
            source = emission.compute(node, "MAXIMUM", [source, emission.scalar(node, low)])
        emission.write(node, "MINIMUM", [source, emission.scalar(node, high)], order)


def leaky_relu(node: Node, emission: Emission) -> None:
    """LeakyRelu."""
    plain("LEAKY_RELU", alpha=node.attributes["alpha"])(node, emission)


def gelu(node: Node, emission: Emission) -> None:
    """Gelu in both spellings; runtimes know the operator since 2.9."""
    plain("GELU", approximate=node.attributes["approximate"] == "tanh")(node, emission)


def elu(node: Node, emission: Emission) -> None:
    """ELU only knows alpha 1; otherwise max(x, 0) + alpha (exp(min(x, 0)) − 1)."""
    alpha = node.attributes["alpha"]
    if alpha == 1:
        plain("ELU")(node, emission)
        return
    order = emission.order(node.inputs[0])
    source, zero = emission.read(node.inputs[0], order), emission.scalar(node, 0)
    decay = emission.compute(node, "ELU", [emission.compute(node, "MINIMUM", [source, zero])])
    scaled = emission.compute(node, "MUL", [decay, emission.scalar(node, alpha)])
    emission.write(node, "ADD", [emission.compute(node, "RELU", [source]), scaled], order)


def hard_sigmoid(node: Node, emission: Emission) -> None:
    """clip(alpha x + beta, 0, 1) as relu6(6 alpha x + 6 beta) / 6: TFLite can clip at 6 in passing, but not at 1."""
    slope, offset = 6 * node.attributes["alpha"], 6 * node.attributes["beta"]
    order = emission.order(node.inputs[0])
    source = emission.read(node.inputs[0], order)
    if np.float32(slope) != 1:
        source = emission.compute(node, "MUL", [source, emission.scalar(node, slope)])
    source = emission.compute(node, "ADD", [source, emission.scalar(node, offset)], fusedActivationFunction="RELU6")
    emission.write(node, "MUL", [source, emission.scalar(node, 1 / 6)], order)


def softplus(node: Node, emission: Emission) -> None:
    """log(1 + exp(x)) as max(x, 0) + log(1 + exp(−|x|)), which no x overflows."""
    order = emission.order(node.inputs[0])
    source = emission.read(node.inputs[0], order)
    minus = emission.compute(node, "NEG", [emission.compute(node, "ABS", [source])])
    inner = emission.compute(node, "ADD", [emission.compute(node, "EXP", [minus]), emission.scalar(node, 1)])
    emission.write(
        node, "ADD", [emission.compute(node, "RELU", [source]), emission.compute(node, "LOG", [inner])], order
    )


def reciprocal(node: Node, emission: Emission) -> None:
    """Reciprocal as 1 / x."""
    order = emission.order(node.inputs[0])
    emission.write(node, "DIV", [emission.scalar(node, 1), emission.read(node.inputs[0], order)], order)


# By constant exponent: operators that XNNPACK knows, as it does not know POW.
_POWERS = {2.0: "SQUARE", 0.5: "SQRT", -0.5: "RSQRT"}


def power(node: Node, emission: Emission) -> None:
    """Pow."""
    base, exponent = node.inputs
    value = emission.graph.constants.get(exponent)
    builtin = _POWERS.get(float(value.reshape(-1)[0])) if value is not None and value.size == 1 else None
    if builtin is None or len(emission.shape(exponent)) > len(emission.shape(base)):
        plain("POW")(node, emission)
        return
    order = emission.order(base)
    emission.write(node, builtin, [emission.read(base, order)], order)


def cast(node: Node, emission: Emission) -> None:
    """Cast."""
    order = emission.order(node.inputs[0])
    source = emission.read(node.inputs[0], order)
    given, made = (emission.stored_type(node, name) for name in (node.inputs[0], node.outputs[0]))
    emission.write(node, "CAST", [source], order, inDataType=given, outDataType=made)
