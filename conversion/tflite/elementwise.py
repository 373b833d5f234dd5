"""Operators that treat every value alike, and the arithmetic of several tensors."""

import math
from typing import Any

import numpy as np

from conversion.source.graph import Node
from conversion.tflite import fusion
from conversion.tflite.builder import Builder, Emitter


def plain(builtin: str, **options: Any) -> Emitter:
    """An operator that TFLite has under another name; its operands are broadcast as in ONNX."""

    def emit(node: Node, builder: Builder) -> None:
        order = builder.order(*node.inputs)
        builder.write(node, builtin, [builder.read(name, order) for name in node.inputs], order, **options)

    return emit


def identity(node: Node, builder: Builder) -> None:
    """Identity, where it gives an output of the graph its name."""
    order = builder.order(node.inputs[0])
    builder.relabel(node.outputs[0], builder.read(node.inputs[0], order), order)


def clip(node: Node, builder: Builder) -> None:
    """Relu or Clip that could not be fused: one activation if TFLite has it, otherwise MAXIMUM and MINIMUM."""
    order = builder.order(node.inputs[0])
    source = builder.read(node.inputs[0], order)
    low, high = fusion.bounds(node)
    if (low, high) in fusion.ACTIVATIONS:
        builder.write(node, fusion.ACTIVATIONS[low, high], [source], order)
    elif math.isinf(high):
        builder.write(node, "MAXIMUM", [source, builder.scalar(node, low)], order)
    else:
        if not math.isinf(low):
            source = builder.compute(node, "MAXIMUM", [source, builder.scalar(node, low)])
        builder.write(node, "MINIMUM", [source, builder.scalar(node, high)], order)


def leaky_relu(node: Node, builder: Builder) -> None:
    """LeakyRelu."""
    plain("LEAKY_RELU", alpha=node.attributes["alpha"])(node, builder)


def gelu(node: Node, builder: Builder) -> None:
    """Gelu, exact or by tanh; runtimes know the operator since 2.9."""
    plain("GELU", approximate=node.attributes["approximate"] == "tanh")(node, builder)


def elu(node: Node, builder: Builder) -> None:
    """ELU only knows alpha 1; otherwise max(x, 0) + alpha (exp(min(x, 0)) − 1)."""
    alpha = node.attributes["alpha"]
    if alpha == 1:
        plain("ELU")(node, builder)
        return
    order = builder.order(node.inputs[0])
    source, zero = builder.read(node.inputs[0], order), builder.scalar(node, 0)
    decay = builder.compute(node, "ELU", [builder.compute(node, "MINIMUM", [source, zero])])
    scaled = builder.compute(node, "MUL", [decay, builder.scalar(node, alpha)])
    builder.write(node, "ADD", [builder.compute(node, "RELU", [source]), scaled], order)


def hard_sigmoid(node: Node, builder: Builder) -> None:
    """clip(alpha x + beta, 0, 1) as relu6(6 alpha x + 6 beta) / 6: TFLite has a fused clip at 6, but none at 1."""
    slope, offset = 6 * node.attributes["alpha"], 6 * node.attributes["beta"]
    order = builder.order(node.inputs[0])
    source = builder.read(node.inputs[0], order)
    if np.float32(slope) != 1:
        source = builder.compute(node, "MUL", [source, builder.scalar(node, slope)])
    source = builder.compute(node, "ADD", [source, builder.scalar(node, offset)], fusedActivationFunction="RELU6")
    builder.write(node, "MUL", [source, builder.scalar(node, 1 / 6)], order)


def softplus(node: Node, builder: Builder) -> None:
    """log(1 + exp(x)) as max(x, 0) + log(1 + exp(−|x|)), which no x overflows."""
    order = builder.order(node.inputs[0])
    source = builder.read(node.inputs[0], order)
    minus = builder.compute(node, "NEG", [builder.compute(node, "ABS", [source])])
    inner = builder.compute(node, "ADD", [builder.compute(node, "EXP", [minus]), builder.scalar(node, 1)])
    builder.write(node, "ADD", [builder.compute(node, "RELU", [source]), builder.compute(node, "LOG", [inner])], order)


def reciprocal(node: Node, builder: Builder) -> None:
    """Reciprocal as 1 / x."""
    order = builder.order(node.inputs[0])
    builder.write(node, "DIV", [builder.scalar(node, 1), builder.read(node.inputs[0], order)], order)


# By constant exponent: operators that XNNPACK knows, as it does not know POW.
_POWERS = {2.0: "SQUARE", 0.5: "SQRT", -0.5: "RSQRT"}


def power(node: Node, builder: Builder) -> None:
    """Pow."""
    base, exponent = node.inputs
    value = builder.constants.get(exponent)
    builtin = _POWERS.get(float(value.reshape(-1)[0])) if value is not None and value.size == 1 else None
    if builtin is None or len(builder.shape(exponent)) > len(builder.shape(base)):
        plain("POW")(node, builder)
        return
    order = builder.order(base)
    builder.write(node, builtin, [builder.read(base, order)], order)


def cast(node: Node, builder: Builder) -> None:
    """Cast."""
    order = builder.order(node.inputs[0])
    source = builder.read(node.inputs[0], order)
    given, made = (builder.stored_type(node, name) for name in (node.inputs[0], node.outputs[0]))
    builder.write(node, "CAST", [source], order, inDataType=given, outDataType=made)
