"""Canonical operators on constants, in numpy: what depends on no input is computed here."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from conversion.source.node import Dtype, Node, Shape
from training.student.arrays import Array
from training.student.errors import ConversionRefused


class Allowance:
    """How much a file may make us allocate; a few bytes of it can ask for terabytes."""

    def __init__(self, elements: int = 2**27) -> None:
        """Allow `elements` in all."""
        self._left = elements

    def take(self, node: Node, elements: int) -> None:
        """Allocate `elements` for `node`.

        Raises:
            ConversionRefused: Too many.
        """
        if elements > self._left:
            raise ConversionRefused(
                f"{node} makes a constant of {elements} elements, {self._left} are left for what is computed from "
                "constants; store it as a weight"
            )
        self._left -= elements


Kernel = Callable[[Node, Sequence[Array], Shape], Any]
"""From a node, the values of its inputs and its output's shape to the output."""


def evaluate(
    node: Node, values: Sequence[Array], shapes: Mapping[str, Shape], dtypes: Mapping[str, Dtype]
) -> list[Array]:
    """The outputs of a canonical node.

    Raises:
        ConversionRefused: There is no such value, as in a division by zero of integers.
    """
    name = node.outputs[0]
    try:
        found = KERNELS[node.operator](node, values, shapes[name])
    except (ValueError, IndexError, TypeError, ArithmeticError) as error:
        raise ConversionRefused(f"{node} cannot be computed from its constants: {error}") from error
    results = list(found) if isinstance(found, list) else [found]
    return [
        np.ascontiguousarray(np.asarray(value).astype(dtypes[name], copy=False)).reshape(shapes[name])
        for name, value in zip(node.outputs, results, strict=True)
    ]


def _whole(function: Callable[..., Any]) -> Kernel:
    return lambda node, values, shape: function(*values)


def _reduction(function: Callable[..., Any]) -> Kernel:
    return lambda node, values, shape: function(
        values[0], axis=node.attributes["axes"], keepdims=bool(node.attributes["keepdims"])
    )


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    if not b.all():
        raise ZeroDivisionError("division by zero")
    # ONNX rounds towards zero, numpy down.
    return np.asarray(np.sign(a) * np.sign(b) * (abs(a) // abs(b)))


def _slice(node: Node, values: Sequence[Array], shape: Shape) -> Array:
    bounds = zip(*(node.attributes[name] for name in ("starts", "ends", "steps")), strict=True)
    # An end of −1 lies before the first element, which in Python is None.
    return values[0][tuple(slice(start, None if end < 0 else end, step) for start, end, step in bounds)]


def _pad(node: Node, values: Sequence[Array], shape: Shape) -> Array:
    pads, mode = node.attributes["pads"], node.attributes["mode"]
    widths = list(zip(pads[: len(pads) // 2], pads[len(pads) // 2 :], strict=True))
    if mode == "constant":
        return np.pad(values[0], widths, constant_values=node.attributes["value"])
    return np.pad(values[0], widths, mode=mode)


def _gather(node: Node, values: Sequence[Array], shape: Shape) -> Array:
    indices = node.attributes["indices"] if "indices" in node.attributes else values[1]
    return np.take(values[0], indices, axis=node.attributes["axis"])


def _split(node: Node, values: Sequence[Array], shape: Shape) -> list[Array]:
    return np.split(values[0], np.cumsum(node.attributes["split"])[:-1], axis=node.attributes["axis"])


def _softmax(node: Node, values: Sequence[Array], shape: Shape) -> Array:
    axis = node.attributes["axis"]
    grown = np.exp(values[0] - values[0].max(axis, keepdims=True))
    return np.asarray(grown / grown.sum(axis, keepdims=True))


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


KERNELS: Mapping[str, Kernel] = {
    "Abs": _whole(np.abs),
    "Add": _whole(np.add),
    "And": _whole(np.logical_and),
    "Cast": lambda node, values, shape: values[0].astype(node.attributes["to"]),
    "Ceil": _whole(np.ceil),
    "Clip": lambda node, values, shape: np.clip(values[0], node.attributes["min"], node.attributes["max"]),
    "Concat": lambda node, values, shape: np.concatenate(values, axis=node.attributes["axis"]),
    "Cos": _whole(np.cos),
    "Div": _whole(_divide),
    "Equal": _whole(np.equal),
    "Exp": _whole(np.exp),
    "Expand": lambda node, values, shape: np.broadcast_to(values[0], shape),
    "Floor": _whole(np.floor),
    "Gather": _gather,
    "Greater": _whole(np.greater),
    "GreaterOrEqual": _whole(np.greater_equal),
    "Less": _whole(np.less),
    "LessOrEqual": _whole(np.less_equal),
    "Log": _whole(np.log),
    "MatMul": _whole(np.matmul),
    "Max": _whole(np.maximum),
    "Min": _whole(np.minimum),
    "Mod": lambda node, values, shape: (np.fmod if node.attributes["fmod"] else np.mod)(*values),
    "Mul": _whole(np.multiply),
    "Neg": _whole(np.negative),
    "Not": _whole(np.logical_not),
    "Or": _whole(np.logical_or),
    "Pad": _pad,
    "Pow": _whole(np.power),
    "Reciprocal": _whole(np.reciprocal),
    "ReduceMax": _reduction(np.max),
    "ReduceMean": _reduction(np.mean),
    "ReduceMin": _reduction(np.min),
    "ReduceProd": _reduction(np.prod),
    "ReduceSum": _reduction(np.sum),
    "Relu": _whole(lambda x: np.maximum(x, 0)),
    "Reshape": lambda node, values, shape: values[0].reshape(shape),
    "Round": _whole(np.rint),
    "Sigmoid": _whole(_sigmoid),
    "Sign": _whole(np.sign),
    "Sin": _whole(np.sin),
    "Slice": _slice,
    "Softmax": _softmax,
    "Split": _split,
    "Sqrt": _whole(np.sqrt),
    "Sub": _whole(np.subtract),
    "Tanh": _whole(np.tanh),
    "Tile": lambda node, values, shape: np.tile(values[0], node.attributes["repeats"]),
    "Transpose": lambda node, values, shape: values[0].transpose(node.attributes["perm"]),
    "Where": _whole(np.where),
    "Xor": _whole(np.logical_xor),
}
