"""Conv, and the padding that its window and that of the pools needs: a scheme of TFLite, or a PAD in front."""

from typing import Any

import numpy as np

from conversion.source.graph import Node
from conversion.tflite.builder import Builder
from conversion.tflite.layout import CHANNELS_LAST
from conversion.tflite.padding import Window, padded, window
from training.student.arrays import Array


def convolution(node: Node, builder: Builder) -> None:
    """Conv as CONV_2D, or as DEPTHWISE_CONV_2D where every group has one channel."""
    weights, bias = builder.required_constant(node, 1), biases(node, builder)
    slid = window(node, weights.shape[2:], builder)
    source, scheme = framed(node, slid, builder)
    builtin, inputs, options = filters(node, weights, bias, builder)
    options |= {
        "dilationHFactor": slid.dilations[0],
        "dilationWFactor": slid.dilations[1],
        **moves(slid, scheme),
    }
    builder.write(node, builtin, [source, *inputs], CHANNELS_LAST, **options)


def biases(node: Node, builder: Builder) -> Array | None:
    """The third input, one number per output channel; None if left out."""
    return builder.constant(node, 2)


def filters(node: Node, weights: Array, bias: Array | None, builder: Builder) -> tuple[str, list[int], dict[str, Any]]:
    """Operator, further inputs and options for weights as ONNX's Conv has them."""
    groups, channels = node.attributes["group"], builder.shape(node.inputs[0])[1]
    is_depthwise = groups == channels and groups > 1
    laid_out = weights.transpose((1, 2, 3, 0) if is_depthwise else (0, 2, 3, 1))
    bias = np.zeros(len(weights)) if bias is None else bias
    inputs = [
        builder.weights(node, node.inputs[1], laid_out),
        builder.weights(node, f"{node.outputs[0]}/bias", bias),
    ]
    if is_depthwise:
        return "DEPTHWISE_CONV_2D", inputs, {"depthMultiplier": len(weights) // channels}
    return "CONV_2D", inputs, {}


def framed(node: Node, slid: Window, builder: Builder, *, fill: float = 0.0) -> tuple[int, str]:
    """The image, padded by a PAD if no scheme of TFLite fits, and the scheme to use."""
    if slid.scheme is not None:
        return builder.read(node.inputs[0], CHANNELS_LAST), slid.scheme
    return padded(node, slid.around, builder, fill=fill), "VALID"


def moves(slid: Window, scheme: str) -> dict[str, Any]:
    """Padding scheme and strides as options."""
    return {"padding": scheme, "strideH": slid.strides[0], "strideW": slid.strides[1]}
