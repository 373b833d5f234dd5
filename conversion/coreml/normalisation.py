"""Softmax, LogSoftmax and LayerNormalization."""

import numpy as np

from conversion.coreml.builder import Builder
from conversion.source.graph import Node


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
        raise builder.refusal(node, "the further outputs", ", ".join(node.outputs[1:]), "use the first output alone")
    shape, axis = builder.shape(node.inputs[0]), node.attributes["axis"]
    bias = builder.constant(node, 2)
    gamma = np.broadcast_to(builder.required_constant(node, 1), shape[axis:]).copy()
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
