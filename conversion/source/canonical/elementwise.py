"""Operators that treat every value alike, and the arithmetic of several tensors."""

import math
from functools import reduce
from typing import Any

import numpy as np

from conversion.source.canonical.builder import Canonicalise, GraphBuilder
from conversion.source.node import Node


def unchanged(node: Node, builder: GraphBuilder) -> None:
    """An operator that has one form in all opsets, or that only an emitter can judge; it stays as it is."""
    builder.add(node)


def identity(node: Node, builder: GraphBuilder) -> None:
    """Identity, which passes its input on."""
    builder.alias(node.outputs[0], node.inputs[0])


def with_defaults(**defaults: Any) -> Canonicalise:
    """An operator whose attributes get their default values."""

    def rewrite(node: Node, builder: GraphBuilder) -> None:
        attributes = {name: node.attributes.get(name, default) for name, default in defaults.items()}
        builder.write(node.operator, node.inputs, node.outputs, **attributes)

    return rewrite


def binary(node: Node, builder: GraphBuilder) -> None:
    """Arithmetic of two tensors; before opset 7 the second is laid along an axis that the node names."""
    a, b = node.inputs
    if builder.opset < 7 and node.attributes.get("broadcast", 0) and "axis" in node.attributes:
        rank, own = len(builder.shapes[a]), builder.shapes[b]
        behind = rank - node.attributes["axis"] % rank - len(own)
        b = builder.reshape(b, (*own, *(1,) * behind))
    builder.binary(node.operator, a, b, node.outputs[0])


def chain(operator: str) -> Canonicalise:
    """An operator of any number of tensors, two at a time."""

    def rewrite(node: Node, builder: GraphBuilder) -> None:
        *rest, last = node.inputs
        if not rest:
            builder.alias(node.outputs[0], last)
            return
        builder.binary(operator, reduce(lambda a, b: builder.binary(operator, a, b), rest), last, node.outputs[0])

    return rewrite


def mean(node: Node, builder: GraphBuilder) -> None:
    """Mean of several tensors: their sum by their number."""
    total = reduce(lambda a, b: builder.binary("Add", a, b), node.inputs)
    builder.binary("Mul", total, 1 / len(node.inputs), node.outputs[0])


def power(node: Node, builder: GraphBuilder) -> None:
    """Pow, whose exponent may be of another type since opset 12."""
    base, exponent = node.inputs
    if builder.dtypes[exponent] != builder.dtypes[base]:
        exponent = builder.unary("Cast", exponent, to=builder.dtypes[base].name, dtype=builder.dtypes[base])
    builder.binary("Pow", base, exponent, node.outputs[0])


def clip(node: Node, builder: GraphBuilder) -> None:
    """Clip: bounds are inputs since opset 11; computed ones become Max and Min, and a lower one of zero Relu."""
    x, output = node.inputs[0], node.outputs[0]
    names = [*node.inputs[1:], "", ""][:2]
    if any(name and name not in builder.constants for name in names):
        for operator, bound in zip(("Max", "Min"), names, strict=True):
            x = builder.binary(operator, x, bound) if bound else x
        builder.alias(output, x)
        return
    low, high = _bound(node, 1, "min", builder), _bound(node, 2, "max", builder)
    if math.isinf(low) and math.isinf(high):
        builder.alias(output, x)
    elif low == 0 and math.isinf(high) and builder.dtypes[x].kind == "f":
        builder.unary("Relu", x, output)
    else:
        # Where the bounds cross, ONNX gives the upper one.
        builder.unary("Clip", x, output, min=min(low, high), max=high)


def _bound(node: Node, position: int, name: str, builder: GraphBuilder) -> float:
    """A bound; infinite where no value of the type exceeds it."""
    given = builder.constant(node, position)
    infinity = -math.inf if name == "min" else math.inf
    bound = float(node.attributes.get(name, infinity) if given is None or not given.size else given.reshape(-1)[0])
    dtype = builder.dtypes[node.inputs[0]]
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    is_beyond = bound <= float(limits.min) if name == "min" else bound >= float(limits.max)
    return infinity if is_beyond else bound


def cast(node: Node, builder: GraphBuilder) -> None:
    """Cast and CastLike: to what type shape inference knows."""
    x, dtype = node.inputs[0], builder.dtypes[node.outputs[0]]
    if dtype == builder.dtypes[x]:
        builder.alias(node.outputs[0], x)
    else:
        builder.unary("Cast", x, node.outputs[0], to=dtype.name)


def prelu(node: Node, builder: GraphBuilder) -> None:
    """PRelu, whose slopes lie along the channels before opset 7."""
    x, slope = node.inputs
    if builder.opset < 7 and len(builder.shapes[slope]) == 1:
        slope = builder.reshape(slope, (*builder.shapes[slope], *(1,) * (len(builder.shapes[x]) - 2)))
    builder.binary("PRelu", x, slope, node.outputs[0])


def selu(node: Node, builder: GraphBuilder) -> None:
    """Selu(x) = gamma · Elu(x)."""
    alpha = node.attributes.get("alpha", 1.67326319217681884765625)
    gamma = node.attributes.get("gamma", 1.05070102214813232421875)
    builder.binary("Mul", builder.unary("Elu", node.inputs[0], alpha=alpha), gamma, node.outputs[0])


def celu(node: Node, builder: GraphBuilder) -> None:
    """Celu(x) = alpha · Elu(x / alpha)."""
    alpha = node.attributes.get("alpha", 1.0)
    grown = builder.unary("Elu", builder.binary("Mul", node.inputs[0], 1 / alpha), alpha=1.0)
    builder.binary("Mul", grown, alpha, node.outputs[0])


def mish(node: Node, builder: GraphBuilder) -> None:
    """Mish(x) = x · tanh(softplus(x))."""
    (x,) = node.inputs
    builder.binary("Mul", x, builder.unary("Tanh", builder.unary("Softplus", x)), node.outputs[0])


def softsign(node: Node, builder: GraphBuilder) -> None:
    """Softsign(x) = x / (1 + |x|)."""
    (x,) = node.inputs
    builder.binary("Div", x, builder.binary("Add", builder.unary("Abs", x), 1.0), node.outputs[0])


def swish(node: Node, builder: GraphBuilder) -> None:
    """Swish(x) = x · sigmoid(alpha x)."""
    (x,) = node.inputs
    alpha = node.attributes.get("alpha", 1.0)
    inner = x if alpha == 1 else builder.binary("Mul", x, alpha)
    builder.binary("Mul", x, builder.unary("Sigmoid", inner), node.outputs[0])


def thresholded_relu(node: Node, builder: GraphBuilder) -> None:
    """ThresholdedRelu: x where it exceeds alpha, otherwise 0."""
    (x,) = node.inputs
    exceeds = builder.write(
        "Greater", [x, builder.number(node.attributes.get("alpha", 1.0), like=x)], dtype=np.dtype(np.bool_)
    )
    builder.write("Where", [exceeds, x, builder.number(0.0, like=x)], node.outputs[0])


def dropout(node: Node, builder: GraphBuilder) -> None:
    """Dropout passes its input on, unless it is in training mode or its mask is read.

    Raises:
        ConversionRefused: Before opset 7, in training mode.
    """
    if builder.opset < 7 and not node.attributes.get("is_test", 0):
        raise builder.refusal(node, "is_test", 0, "export the model in evaluation mode")
    is_training = len(node.inputs) > 2 and node.inputs[2] and bool(builder.constants.get(node.inputs[2], True))
    if is_training or len(node.outputs) > 1:
        unchanged(node, builder)
    else:
        builder.alias(node.outputs[0], node.inputs[0])
