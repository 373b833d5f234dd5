"""Conv, and the padding of every window that slides over an image.

MIL has `same` padding of its own, but coremltools' documentation and its shape inference define it differently: all
padding is given in samples.
"""

from typing import Any

from conversion.coreml.builder import Builder
from conversion.source.graph import Node

Sizes = tuple[int, ...]
"""One entry per spatial axis."""


def convolution(node: Node, builder: Builder) -> None:
    """Conv, dense, grouped or depthwise."""
    builder.write(
        node,
        "conv",
        x=builder.read(node.inputs[0]),
        weight=builder.required_constant(node, 1),
        **bias_of(node, builder),
        strides=node.attributes["strides"],
        dilations=node.attributes["dilations"],
        groups=node.attributes["group"],
        **padding_of(*pads_of(node, builder)),
    )


def pads_of(node: Node, builder: Builder) -> tuple[Sizes, Sizes]:
    """Padding in front of and behind each axis.

    Raises:
        ConversionRefused: It cuts off samples.
    """
    pads = node.attributes["pads"]
    if min(pads, default=0) < 0:
        raise builder.refusal(node, "negative pads", list(pads), "crop with Slice in front of it")
    return tuple(pads[: len(pads) // 2]), tuple(pads[len(pads) // 2 :])


def padding_of(before: Sizes, after: Sizes) -> dict[str, Any]:
    """MIL's padding: before and after, axis by axis."""
    pad = [int(amount) for pair in zip(before, after, strict=True) for amount in pair]
    return {"pad_type": "custom", "pad": pad} if any(pad) else {"pad_type": "valid"}


def bias_of(node: Node, builder: Builder) -> dict[str, Any]:
    """The third input as MIL's argument, if there is one."""
    bias = builder.constant(node, 2)
    return {} if bias is None else {"bias": bias}
