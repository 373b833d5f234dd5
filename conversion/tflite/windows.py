"""Operators that slide a window over the image: Conv and the pools."""

import math

import numpy as np

from conversion.graph import Node
from conversion.tflite.emission import Emission, refusal
from conversion.tflite.padding import Window, padded, window


def convolution(node: Node, emission: Emission) -> None:
    """Conv as CONV_2D, or as DEPTHWISE_CONV_2D where every group has one channel."""
    weights, bias = emission.constant(node, 1), emission.constant(node, 2)
    assert weights is not None
    slid = window(node, weights.shape[2:], emission)
    source, scheme = _framed(node, slid, emission)
    groups, channels = node.attributes.get("group", 1), emission.shape(node.inputs[0])[1]
    is_depthwise = groups == channels and groups > 1
    inputs = [
        source,
        emission.weights(node, node.inputs[1], weights.transpose((1, 2, 3, 0) if is_depthwise else (0, 2, 3, 1))),
        emission.weights(node, f"{node.outputs[0]}/bias", np.zeros(len(weights), np.float32) if bias is None else bias),
    ]
    options = {
        **_strides(slid, scheme),
        "dilationHFactor": slid.dilations[0],
        "dilationWFactor": slid.dilations[1],
    }
    if is_depthwise:
        emission.write(node, "DEPTHWISE_CONV_2D", inputs, depthMultiplier=len(weights) // channels, **options)
    else:
        emission.write(node, "CONV_2D", inputs, **options)


def max_pool(node: Node, emission: Emission) -> None:
    """MaxPool; where its padding must be written out, zero serves as well as −∞ if no maximum is below it."""
    slid = _pool_window(node, emission)
    fill = 0.0 if node.outputs[0] in emission.non_negative else -math.inf
    source, scheme = _framed(node, slid, emission, fill=fill)
    emission.write(node, "MAX_POOL_2D", [source], **_pool_options(slid, scheme))


def average_pool(node: Node, emission: Emission) -> None:
    """AveragePool; TFLite leaves padding out of its averages, so only SAME without `count_include_pad` is direct.

    Otherwise zeros are written out and averaged in, and a constant factor per pixel mends the count.
    """
    slid = _pool_window(node, emission)
    counts_padding = bool(node.attributes.get("count_include_pad", 0))
    scheme = slid.scheme
    if scheme == "VALID" or (scheme == "SAME" and not counts_padding):
        emission.write(node, "AVERAGE_POOL_2D", [emission.read(node.inputs[0])], **_pool_options(slid, scheme))
        return
    source = padded(node, slid, emission)
    correction = slid.extent[0] * slid.extent[1] / _counted(node, slid, counts_padding=counts_padding)
    if (correction == 1).all():
        emission.write(node, "AVERAGE_POOL_2D", [source], **_pool_options(slid, "VALID"))
        return
    mean = emission.intermediate(
        node, "AVERAGE_POOL_2D", [source], emission.shape(node.outputs[0]), **_pool_options(slid, "VALID")
    )
    factor = emission.number(f"{node.outputs[0]}/correction", correction[np.newaxis, np.newaxis])
    emission.write(node, "MUL", [mean, factor])


def _framed(node: Node, slid: Window, emission: Emission, *, fill: float = 0.0) -> tuple[int, str]:
    """The image and the padding scheme to slide over it with; padding is written out where no scheme is it."""
    if slid.scheme is not None:
        return emission.read(node.inputs[0]), slid.scheme
    return padded(node, slid, emission, fill=fill), "VALID"


def _pool_window(node: Node, emission: Emission) -> Window:
    if any(dilation != 1 for dilation in node.attributes.get("dilations", ())):
        raise refusal(node, "dilations", list(node.attributes["dilations"]), "use dilation 1")
    slid = window(node, node.attributes["kernel_shape"], emission)
    if any((slid.output[i] - 1) * slid.strides[i] >= slid.size[i] + slid.before[i] for i in range(2)):
        # ONNX Runtime leaves this window out, ONNX's shape inference counts it.
        raise refusal(node, "ceil_mode with a window that starts behind the image of", slid.size, "use ceil_mode 0")
    return slid


def _counted(node: Node, slid: Window, *, counts_padding: bool) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """How many pixels each average is divided by: (rows, columns).

    Padding counts if the node says so; what only `ceil_mode` adds behind it never does.
    """
    pads = (0, 0, 0, 0)
    if counts_padding:
        is_explicit = node.attributes.get("auto_pad", "NOTSET") == "NOTSET"
        pads = node.attributes.get("pads", pads) if is_explicit else (*slid.before, *slid.after)
    counts = []
    for i in range(2):
        start = np.arange(slid.output[i]) * slid.strides[i] - slid.before[i]
        first = np.maximum(start, -pads[i])
        last = np.minimum(start + slid.extent[i], slid.size[i] + pads[i + 2])
        counts.append((last - first).astype(np.float64))
    return np.outer(*counts)


def _strides(slid: Window, scheme: str) -> dict[str, int | str]:
    return {"padding": scheme, "strideH": slid.strides[0], "strideW": slid.strides[1]}


def _pool_options(slid: Window, scheme: str) -> dict[str, int | str]:
    return {**_strides(slid, scheme), "filterHeight": slid.extent[0], "filterWidth": slid.extent[1]}
