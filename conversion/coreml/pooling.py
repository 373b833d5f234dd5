"""Pools over a window: MaxPool and AveragePool."""

from dataclasses import dataclass

import numpy as np

from conversion.coreml.builder import Builder
from conversion.coreml.convolution import Sizes, padding_of, pads_of
from conversion.source.graph import Node


def max_pool(node: Node, builder: Builder) -> None:
    """MaxPool; what `ceil_mode` adds becomes padding, which a maximum ignores."""
    pool = _pool(node, builder)
    builder.write(
        node,
        "max_pool",
        x=builder.read(node.inputs[0]),
        kernel_sizes=pool.kernel,
        strides=pool.strides,
        **padding_of(pool.before, tuple(np.add(pool.after, pool.overhang))),
    )


def average_pool(node: Node, builder: Builder) -> None:
    """AveragePool; if padding counts but not what `ceil_mode` adds, an explicit `pad` operator comes first."""
    pool = _pool(node, builder)
    x, before, after = builder.read(node.inputs[0]), pool.before, tuple(np.add(pool.after, pool.overhang))
    counts_padding = bool(node.attributes["count_include_pad"])
    if counts_padding and any(pool.overhang):
        zeros = padding_of(pool.before, pool.after).get("pad", [0] * 2 * len(before))
        x = builder.intermediate(node, "pad", x=x, pad=zeros, mode="constant", constant_val=np.float32(0))
        counts_padding, before, after = False, (0,) * len(before), pool.overhang
    padding = padding_of(before, after)
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
        raise builder.refusal(node, "dilations", list(dilations), "use dilation 1")
    before, after = pads_of(node, builder)
    sizes, places = builder.shape(node.inputs[0])[2:], builder.shape(node.outputs[0])[2:]
    overhang = tuple(
        max((place - 1) * stride + extent - (size + front + back), 0)
        for place, stride, extent, size, front, back in zip(places, strides, kernel, sizes, before, after, strict=True)
    )
    return _Pool(kernel, strides, before, after, overhang)
