"""Operators that slide a window over the image: Conv, ConvTranspose and the pools.

MIL has `same` padding of its own, but coremltools' documentation and its shape inference define it differently: all
padding is spelled out in samples.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from conversion.coreml.builder import Builder, refusal
from conversion.source.graph import Node

Sizes = tuple[int, ...]
"""One entry per spatial axis."""


def convolution(node: Node, builder: Builder) -> None:
    """Conv, dense, grouped or depthwise."""
    builder.write(
        node,
        "conv",
        x=builder.read(node.inputs[0]),
        weight=builder.weights(node, 1),
        **_bias(node, builder),
        strides=node.attributes["strides"],
        dilations=node.attributes["dilations"],
        groups=node.attributes["group"],
        **_padding(*_pads(node)),
    )


def transposed_convolution(node: Node, builder: Builder) -> None:
    """ConvTranspose; output padding is less padding at the end, and where there is none, taps of zero."""
    weight = builder.weights(node, 1)
    before, after = _pads(node)
    dilations = node.attributes["dilations"]
    end = [pad - more for pad, more in zip(after, node.attributes["output_padding"], strict=True)]
    taps = [-(min(pad, 0) // step) for pad, step in zip(end, dilations, strict=True)]
    end = [pad + more * step for pad, more, step in zip(end, taps, dilations, strict=True)]
    builder.write(
        node,
        "conv_transpose",
        x=builder.read(node.inputs[0]),
        weight=np.pad(weight, [(0, 0), (0, 0), *((0, more) for more in taps)]) if any(taps) else weight,
        **_bias(node, builder),
        strides=node.attributes["strides"],
        dilations=dilations,
        groups=node.attributes["group"],
        **_padding(before, tuple(end)),
    )


def max_pool(node: Node, builder: Builder) -> None:
    """MaxPool; what `ceil_mode` adds becomes padding, which never wins."""
    pool = _pool(node, builder)
    builder.write(
        node,
        "max_pool",
        x=builder.read(node.inputs[0]),
        kernel_sizes=pool.kernel,
        strides=pool.strides,
        **_padding(pool.before, tuple(np.add(pool.after, pool.overhang))),
    )


def average_pool(node: Node, builder: Builder) -> None:
    """AveragePool; where padding counts, but not what `ceil_mode` adds to it, zeros are padded on beforehand."""
    pool = _pool(node, builder)
    x, before, after = builder.read(node.inputs[0]), pool.before, tuple(np.add(pool.after, pool.overhang))
    counts_padding = bool(node.attributes["count_include_pad"])
    if counts_padding and any(pool.overhang):
        zeros = _padding(pool.before, pool.after).get("pad", [0] * 2 * len(before))
        x = builder.intermediate(node, "pad", x=x, pad=zeros, mode="constant", constant_val=np.float32(0))
        counts_padding, before, after = False, (0,) * len(before), pool.overhang
    padding = _padding(before, after)
    builder.write(
        node,
        "avg_pool",
        x=x,
        kernel_sizes=pool.kernel,
        strides=pool.strides,
        exclude_padding_from_average=not counts_padding and "pad" in padding,
        **padding,
    )


@dataclass(frozen=True, slots=True)
class _Pool:
    kernel: Sizes
    strides: Sizes
    before: Sizes
    after: Sizes
    """Padding as the node wants it."""
    overhang: Sizes
    """Samples by which `ceil_mode` lets the last window reach beyond the padding."""


def _pool(node: Node, builder: Builder) -> _Pool:
    kernel, strides, dilations = (node.attributes[name] for name in ("kernel_shape", "strides", "dilations"))
    if any(step != 1 for step in dilations):
        raise refusal(node, "dilations", list(dilations), "use dilation 1")
    before, after = _pads(node)
    sizes, places = builder.shape(node.inputs[0])[2:], builder.shape(node.outputs[0])[2:]
    overhang = tuple(
        max((place - 1) * stride + extent - (size + front + back), 0)
        for place, stride, extent, size, front, back in zip(places, strides, kernel, sizes, before, after, strict=True)
    )
    return _Pool(kernel, strides, before, after, overhang)


def _pads(node: Node) -> tuple[Sizes, Sizes]:
    """Padding in front of and behind each axis.

    Raises:
        ConversionRefused: It cuts off samples.
    """
    pads = node.attributes["pads"]
    if min(pads, default=0) < 0:
        raise refusal(node, "negative pads", list(pads), "crop with Slice in front of it")
    return tuple(pads[: len(pads) // 2]), tuple(pads[len(pads) // 2 :])


def _padding(before: Sizes, after: Sizes) -> dict[str, Any]:
    """MIL's padding: before and after, axis by axis."""
    pad = [int(amount) for pair in zip(before, after, strict=True) for amount in pair]
    return {"pad_type": "custom", "pad": pad} if any(pad) else {"pad_type": "valid"}


def _bias(node: Node, builder: Builder) -> dict[str, Any]:
    bias = builder.constant(node, 2)
    return {} if bias is None else {"bias": bias}
