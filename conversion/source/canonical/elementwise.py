"""Operators that treat every value alike, and the arithmetic of several tensors."""

import math
from functools import reduce
from typing import Any

import numpy as np

from conversion.source.canonical.builder import Draft, Spell, refusal
from conversion.source.node import Node


def as_it_is(node: Node, draft: Draft) -> None:
    """An operator of one spelling, or one that only an emitter can judge; outputs that it leaves out stay out."""
    draft.add(node)


def identity(node: Node, draft: Draft) -> None:
    """Identity, which passes its input on."""
    draft.alias(node.outputs[0], node.inputs[0])


def with_defaults(**defaults: Any) -> Spell:
    """An operator whose attributes are written out."""

    def spell(node: Node, draft: Draft) -> None:
        attributes = {name: node.attributes.get(name, default) for name, default in defaults.items()}
        draft.write(node.operator, node.inputs, node.outputs, **attributes)

    return spell


def binary(node: Node, draft: Draft) -> None:
    """Arithmetic of two tensors; before opset 7 the second is laid along an axis that the node names."""
    a, b = node.inputs
    if draft.opset < 7 and node.attributes.get("broadcast", 0) and "axis" in node.attributes:
        rank, own = len(draft.shapes[a]), draft.shapes[b]
        behind = rank - node.attributes["axis"] % rank - len(own)
        b = draft.reshape(b, (*own, *(1,) * behind))
    draft.binary(node.operator, a, b, node.outputs[0])


def chain(operator: str) -> Spell:
    """An operator of any number of tensors, two at a time."""

    def spell(node: Node, draft: Draft) -> None:
        *rest, last = node.inputs
        if not rest:
            draft.alias(node.outputs[0], last)
            return
        draft.binary(operator, reduce(lambda a, b: draft.binary(operator, a, b), rest), last, node.outputs[0])

    return spell


def mean(node: Node, draft: Draft) -> None:
    """Mean of several tensors: their sum by their number."""
    total = reduce(lambda a, b: draft.binary("Add", a, b), node.inputs)
    draft.binary("Mul", total, 1 / len(node.inputs), node.outputs[0])


def power(node: Node, draft: Draft) -> None:
    """Pow, whose exponent may be of another type since opset 12."""
    base, exponent = node.inputs
    if draft.dtypes[exponent] != draft.dtypes[base]:
        exponent = draft.unary("Cast", exponent, to=draft.dtypes[base].name, dtype=draft.dtypes[base])
    draft.binary("Pow", base, exponent, node.outputs[0])


def clip(node: Node, draft: Draft) -> None:
    """Clip: bounds are inputs since opset 11; computed ones become Max and Min, and a lower one of zero Relu."""
    x, output = node.inputs[0], node.outputs[0]
    names = [*node.inputs[1:], "", ""][:2]
    if any(name and name not in draft.constants for name in names):
        for operator, bound in zip(("Max", "Min"), names, strict=True):
            x = draft.binary(operator, x, bound) if bound else x
        draft.alias(output, x)
        return
    low, high = _bound(node, 1, "min", draft), _bound(node, 2, "max", draft)
    if math.isinf(low) and math.isinf(high):
        draft.alias(output, x)
    elif low == 0 and math.isinf(high) and draft.dtypes[x].kind == "f":
        draft.unary("Relu", x, output)
    else:
        # Where the bounds cross, ONNX gives the upper one.
        draft.unary("Clip", x, output, min=min(low, high), max=high)


def _bound(node: Node, position: int, name: str, draft: Draft) -> float:
    """A bound; infinite where no value of the type exceeds it."""
    given = draft.constant(node, position)
    infinity = -math.inf if name == "min" else math.inf
    bound = float(node.attributes.get(name, infinity) if given is None or not given.size else given.reshape(-1)[0])
    dtype = draft.dtypes[node.inputs[0]]
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    is_beyond = bound <= float(limits.min) if name == "min" else bound >= float(limits.max)
    return infinity if is_beyond else bound


def cast(node: Node, draft: Draft) -> None:
    """Cast and CastLike: to what type shape inference knows."""
    x, dtype = node.inputs[0], draft.dtypes[node.outputs[0]]
    if dtype == draft.dtypes[x]:
        draft.alias(node.outputs[0], x)
    else:
        draft.unary("Cast", x, node.outputs[0], to=dtype.name)


def prelu(node: Node, draft: Draft) -> None:
    """PRelu, whose slopes lie along the channels before opset 7."""
    x, slope = node.inputs
    if draft.opset < 7 and len(draft.shapes[slope]) == 1:
        slope = draft.reshape(slope, (*draft.shapes[slope], *(1,) * (len(draft.shapes[x]) - 2)))
    draft.binary("PRelu", x, slope, node.outputs[0])


def selu(node: Node, draft: Draft) -> None:
    """Selu(x) = gamma · Elu(x)."""
    alpha = node.attributes.get("alpha", 1.67326319217681884765625)
    gamma = node.attributes.get("gamma", 1.05070102214813232421875)
    draft.binary("Mul", draft.unary("Elu", node.inputs[0], alpha=alpha), gamma, node.outputs[0])


def celu(node: Node, draft: Draft) -> None:
    """Celu(x) = alpha · Elu(x / alpha)."""
    alpha = node.attributes.get("alpha", 1.0)
    grown = draft.unary("Elu", draft.binary("Mul", node.inputs[0], 1 / alpha), alpha=1.0)
    draft.binary("Mul", grown, alpha, node.outputs[0])


def mish(node: Node, draft: Draft) -> None:
    """Mish(x) = x · tanh(softplus(x))."""
    (x,) = node.inputs
    draft.binary("Mul", x, draft.unary("Tanh", draft.unary("Softplus", x)), node.outputs[0])


def softsign(node: Node, draft: Draft) -> None:
    """Softsign(x) = x / (1 + |x|)."""
    (x,) = node.inputs
    draft.binary("Div", x, draft.binary("Add", draft.unary("Abs", x), 1.0), node.outputs[0])


def swish(node: Node, draft: Draft) -> None:
    """Swish(x) = x · sigmoid(alpha x)."""
    (x,) = node.inputs
    alpha = node.attributes.get("alpha", 1.0)
    inner = x if alpha == 1 else draft.binary("Mul", x, alpha)
    draft.binary("Mul", x, draft.unary("Sigmoid", inner), node.outputs[0])


def thresholded_relu(node: Node, draft: Draft) -> None:
    """ThresholdedRelu: x where it exceeds alpha, otherwise 0."""
    (x,) = node.inputs
    exceeds = draft.write(
        "Greater", [x, draft.number(node.attributes.get("alpha", 1.0), like=x)], dtype=np.dtype(np.bool_)
    )
    draft.write("Where", [exceeds, x, draft.number(0.0, like=x)], node.outputs[0])


def dropout(node: Node, draft: Draft) -> None:
    """Dropout passes its input on, unless it drops at inference as well or what it dropped is read.

    Raises:
        ConversionRefused: Before opset 7, in training mode.
    """
    if draft.opset < 7 and not node.attributes.get("is_test", 0):
        raise refusal(node, "is_test", 0, "export the model in evaluation mode")
    is_training = len(node.inputs) > 2 and node.inputs[2] and bool(draft.constants.get(node.inputs[2], True))
    if is_training or len(node.outputs) > 1:
        as_it_is(node, draft)
    else:
        draft.alias(node.outputs[0], node.inputs[0])
