"""Operators whose meaning depends on axes: reductions, Softmax, normalisation, Concat and Split."""

from collections.abc import Callable

import numpy as np

from conversion.coreml.builder import Builder, refusal
from conversion.source.graph import Node

Emitter = Callable[[Node, Builder], None]


def reduce(operator: str) -> Emitter:
    """A reduction over some axes.

    Raises:
        ConversionRefused: It is the mean of whole numbers, which MIL rounds in no stated way.
    """

    def emit(node: Node, builder: Builder) -> None:
        if operator == "reduce_mean" and not builder.is_real(node.inputs[0]):
            raise refusal(node, "the mean of", builder.graph.dtypes[node.inputs[0]], "cast to float")
        arguments = {"axes": list(node.attributes["axes"]), "keep_dims": bool(node.attributes["keepdims"])}
        x = builder.number(node.inputs[0])
        if builder.graph.dtypes[node.inputs[0]].kind != "b":
            builder.write(node, operator, x=x, **arguments)
        else:
            reduced = builder.intermediate(node, operator, x=x, **arguments)
            builder.write(node, "cast", x=reduced, dtype="bool")

    return emit


def index_of_extreme(operator: str) -> Emitter:
    """ArgMax or ArgMin; which of equal values counts is left open by MIL.

    Raises:
        ConversionRefused: The last of equal values is asked for.
    """

    def emit(node: Node, builder: Builder) -> None:
        if node.attributes["select_last_index"]:
            raise refusal(node, "select_last_index", 1, "use 0")
        axis, keepdims = node.attributes["axis"], bool(node.attributes["keepdims"])
        builder.write(node, operator, x=builder.read(node.inputs[0]), axis=axis, keep_dims=keepdims)

    return emit


def softmax(node: Node, builder: Builder) -> None:
    """Softmax over one axis."""
    builder.write(node, "softmax", x=builder.read(node.inputs[0]), axis=node.attributes["axis"])


def log_softmax(node: Node, builder: Builder) -> None:
    """LogSoftmax: x less the logarithm of the sum of exponentials."""
    x = builder.read(node.inputs[0])
    total = builder.intermediate(node, "reduce_log_sum_exp", x=x, axes=[node.attributes["axis"]], keep_dims=True)
    builder.write(node, "sub", x=x, y=total)


def layer_normalisation(node: Node, builder: Builder) -> None:
    """LayerNormalization over the last axes.

    Raises:
        ConversionRefused: Its mean or deviation is read as well.
    """
    if len(node.outputs) > 1:
        raise refusal(node, "the further outputs", ", ".join(node.outputs[1:]), "use the first output alone")
    shape, axis = builder.shape(node.inputs[0]), node.attributes["axis"]
    bias = builder.constant(node, 2)
    gamma = np.broadcast_to(builder.weights(node, 1), shape[axis:]).copy()
    beta = np.zeros_like(gamma) if bias is None else np.broadcast_to(bias, shape[axis:]).copy()
    builder.write(
        node,
        "layer_norm",
        x=builder.read(node.inputs[0]),
        axes=list(range(axis, len(shape))),
        gamma=gamma,
        beta=beta,
        epsilon=np.float32(node.attributes["epsilon"]),
    )


def concat(node: Node, builder: Builder) -> None:
    """Concat along any axis."""
    builder.write(node, "concat", values=[builder.read(name) for name in node.inputs], axis=node.attributes["axis"])


def split(node: Node, builder: Builder) -> None:
    """Split into given lengths."""
    builder.write(
        node,
        "split",
        x=builder.read(node.inputs[0]),
        split_sizes=list(node.attributes["split"]),
        axis=node.attributes["axis"],
    )
