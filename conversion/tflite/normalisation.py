"""Operators that relate each value to others along some axes: reductions, Softmax, LayerNormalization, ArgMax."""

from collections.abc import Sequence

import numpy as np

from conversion.source.graph import Node
from conversion.tflite import layout
from conversion.tflite.builder import Builder, Emitter, refusal


def reduction(builtin: str) -> Emitter:
    """A sum, mean, product or extreme over some axes."""

    def emit(node: Node, builder: Builder) -> None:
        order = builder.order(node.inputs[0])
        axes, keeps = node.attributes["axes"], bool(node.attributes["keepdims"])
        inputs = [builder.read(node.inputs[0], order), _places(node, axes, order, builder)]
        builder.write(node, builtin, inputs, order if keeps else layout.without(order, axes), keepDims=keeps)

    return emit


def extreme_place(builtin: str) -> Emitter:
    """ArgMax or ArgMin; the first of equals, as int32."""

    def emit(node: Node, builder: Builder) -> None:
        name, axis = node.inputs[0], node.attributes["axis"]
        if node.attributes["select_last_index"]:
            raise refusal(node, "select_last_index", 1, "use 0")
        order = builder.order(name)
        inputs = [builder.read(name, order), builder.integers(node, order.index(axis))]
        left = layout.without(order, [axis])
        if not node.attributes["keepdims"]:
            builder.write(node, builtin, inputs, left, outputType=np.dtype(np.int32))
            return
        shape = tuple(builder.shape(name)[own] for own in order if own != axis)
        found = builder.compute(node, builtin, inputs, shape, np.dtype(np.int32), outputType=np.dtype(np.int32))
        builder.relabel(node.outputs[0], found, order)

    return emit


def softmax(builtin: str, **options: float) -> Emitter:
    """Softmax or its logarithm over one axis, which TFLite wants to be the last."""

    def emit(node: Node, builder: Builder) -> None:
        order = layout.with_last(builder.order(node.inputs[0]), node.attributes["axis"])
        builder.write(node, builtin, [builder.read(node.inputs[0], order)], order, **options)

    return emit


def layer_normalisation(node: Node, builder: Builder) -> None:
    """LayerNormalization, spelled out: TFLite has no operator for it, XNNPACK knows each of these."""
    name, *affine = node.inputs
    order, shape = builder.order(name), builder.shape(name)
    normalised = range(node.attributes["axis"], len(shape))
    places = _places(node, normalised, order, builder)
    reduced = tuple(1 if axis in normalised else shape[axis] for axis in order)
    source = builder.read(name, order)
    mean = builder.compute(node, "MEAN", [source, places], reduced, keepDims=True)
    centred = builder.compute(node, "SUB", [source, mean])
    square = builder.compute(node, "SQUARE", [centred])
    variance = builder.compute(node, "MEAN", [square, places], reduced, keepDims=True)
    safe = builder.compute(node, "ADD", [variance, builder.scalar(node, node.attributes["epsilon"])])
    steps = [("MUL", builder.compute(node, "RSQRT", [safe]))]
    steps += [(builtin, builder.read(part, order)) for builtin, part in zip(("MUL", "ADD"), affine, strict=False)]
    for builtin, operand in steps[:-1]:
        centred = builder.compute(node, builtin, [centred, operand])
    builtin, operand = steps[-1]
    builder.write(node, builtin, [centred, operand], order)


def _places(node: Node, axes: Sequence[int], order: layout.Order, builder: Builder) -> int:
    return builder.integers(node, sorted(order.index(axis) for axis in axes))
