"""Pools over a window: MaxPool and AveragePool."""

import math
from typing import Any

import numpy as np

from conversion.source.graph import Node
from conversion.tflite.builder import Builder
from conversion.tflite.convolution import framed, moves
from conversion.tflite.layout import CHANNELS_LAST, laid_out
from conversion.tflite.padding import Window, padded, window


def max_pool(node: Node, builder: Builder) -> None:
    """MaxPool; an explicit PAD fills with zero, which XNNPACK takes, if no value is negative, otherwise with −∞."""
    slid = _pool_window(node, builder)
    fill = 0.0 if node.outputs[0] in builder.non_negative else -math.inf
    source, scheme = framed(node, slid, builder, fill=fill)
    builder.write(node, "MAX_POOL_2D", [source], CHANNELS_LAST, **_pool_options(slid, scheme))


def average_pool(node: Node, builder: Builder) -> None:
    """AveragePool; TFLite does not count padding in its averages, so only SAME without `count_include_pad` is direct.

    Otherwise zeros are written out and averaged in, and a constant factor per pixel mends the count.
    """
    slid = _pool_window(node, builder)
    scheme = slid.scheme
    if scheme == "VALID" or (scheme == "SAME" and not node.attributes["count_include_pad"]):
        source = builder.read(node.inputs[0], CHANNELS_LAST)
        builder.write(node, "AVERAGE_POOL_2D", [source], CHANNELS_LAST, **_pool_options(slid, scheme))
        return
    source = padded(node, slid.around, builder)
    correction = slid.extent[0] * slid.extent[1] / _counted(node, slid)
    if (correction == 1).all():
        builder.write(node, "AVERAGE_POOL_2D", [source], CHANNELS_LAST, **_pool_options(slid, "VALID"))
        return
    shape = laid_out(builder.shape(node.outputs[0]), CHANNELS_LAST)
    mean = builder.compute(node, "AVERAGE_POOL_2D", [source], shape, **_pool_options(slid, "VALID"))
    factor = builder.number(f"{node.outputs[0]}/correction", correction[np.newaxis, :, :, np.newaxis])
    builder.write(node, "MUL", [mean, factor], CHANNELS_LAST)


def _pool_window(node: Node, builder: Builder) -> Window:
    slid = window(node, node.attributes["kernel_shape"], builder)
    if slid.dilations != (1, 1):
        raise builder.refusal(node, "dilations", list(slid.dilations), "use dilation 1")
    if any((slid.output[i] - 1) * slid.strides[i] >= slid.size[i] + slid.before[i] for i in range(2)):
        # ONNX Runtime leaves this window out, ONNX's shape inference counts it.
        raise builder.refusal(
            node, "ceil_mode with a window that starts behind the image of", slid.size, "use ceil_mode 0"
        )
    return slid


def _counted(node: Node, slid: Window) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """How many pixels each average is divided by: (rows, columns).

    Padding counts if the node says so; what only `ceil_mode` adds behind it never does.
    """
    pads = node.attributes["pads"] if node.attributes["count_include_pad"] else (0, 0, 0, 0)
    counts = []
    for i in range(2):
        start = np.arange(slid.output[i]) * slid.strides[i] - slid.before[i]
        first = np.maximum(start, -pads[i])
        last = np.minimum(start + slid.extent[i], slid.size[i] + pads[i + 2])
        counts.append((last - first).astype(np.float64))
    return np.outer(*counts)


def _pool_options(slid: Window, scheme: str) -> dict[str, Any]:
    return {**moves(slid, scheme), "filterHeight": slid.extent[0], "filterWidth": slid.extent[1]}
