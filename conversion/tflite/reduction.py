"""Reductions over axes, and the place of an extreme."""

from collections.abc import Sequence

import numpy as np

from conversion.source.graph import Node
from conversion.tflite import layout
from conversion.tflite.builder import Builder, Emitter


def reduction(builtin: str) -> Emitter:
    """A sum, mean, product or extreme over some axes."""

    def emit(node: Node, builder: Builder) -> None:
        order = builder.order(node.inputs[0])
        axes, keeps = node.attributes["axes"], bool(node.attributes["keepdims"])
        inputs = [builder.read(node.inputs[0], order), places(node, axes, order, builder)]
        builder.write(node, builtin, inputs, order if keeps else layout.without(order, axes), keepDims=keeps)

    return emit


def index_of_extreme(builtin: str) -> Emitter:
    """ArgMax or ArgMin; the first of equals, as int32."""

    def emit(node: Node, builder: Builder) -> None:
        name, axis = node.inputs[0], node.attributes["axis"]
        if node.attributes["select_last_index"]:
            raise builder.refusal(node, "select_last_index", 1, "use 0")
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


def places(node: Node, axes: Sequence[int], order: layout.Order, builder: Builder) -> int:
    """A constant of where axes of the graph lie in the file."""
    return builder.integers(node, sorted(order.index(axis) for axis in axes))
