"""Operators that slide a window over the image: Conv and the pools."""

from conversion.coreml.emission import Emission, refusal
from conversion.coreml.padding import Window, window
from conversion.graph import Node


def convolution(node: Node, emission: Emission) -> None:
    """Conv, dense, grouped or depthwise."""
    weight, bias = emission.weights(node, 1), emission.constant(node, 2)
    slid = window(node, weight.shape[2:], emission)
    emission.write(
        node,
        "conv",
        x=emission.read(node.inputs[0]),
        weight=weight,
        **({} if bias is None else {"bias": bias}),
        strides=slid.strides,
        dilations=slid.dilations,
        groups=node.attributes.get("group", 1),
        **slid.arguments,
    )


def max_pool(node: Node, emission: Emission) -> None:
    """MaxPool; what `ceil_mode` adds becomes padding, which never wins."""
    slid = _pool_window(node, emission)
    emission.write(
        node,
        "max_pool",
        x=emission.read(node.inputs[0]),
        kernel_sizes=slid.kernel,
        strides=slid.strides,
        **slid.arguments,
    )


def average_pool(node: Node, emission: Emission) -> None:
    """AveragePool; what `ceil_mode` adds becomes padding, unless padding counts.

    Raises:
        ConversionRefused: `count_include_pad` counts the padding, but not what `ceil_mode` adds to it.
    """
    slid = _pool_window(node, emission)
    counts_padding = bool(node.attributes.get("count_include_pad", 0))
    if counts_padding and any(slid.overhang):
        found = f"1 with ceil_mode 1 over {emission.shape(node.inputs[0])[2:]}"
        raise refusal(node, "count_include_pad", found, "use count_include_pad 0 or ceil_mode 0")
    emission.write(
        node,
        "avg_pool",
        x=emission.read(node.inputs[0]),
        kernel_sizes=slid.kernel,
        strides=slid.strides,
        exclude_padding_from_average=not counts_padding and "pad" in slid.arguments,
        **slid.arguments,
    )


def _pool_window(node: Node, emission: Emission) -> Window:
    slid = window(node, node.attributes["kernel_shape"], emission)
    if any(dilation != 1 for dilation in slid.dilations):
        raise refusal(node, "dilations", list(slid.dilations), "use dilation 1")
    return slid
