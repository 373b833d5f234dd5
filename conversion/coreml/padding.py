"""Where a sliding window meets the image's edge: every padding rule of ONNX spelled out in samples.

MIL has `same` of its own, but coremltools' documentation and its shape inference define it differently.
"""

from dataclasses import dataclass
from typing import Any

from conversion.coreml.emission import Emission, refusal
from conversion.graph import Node


@dataclass(frozen=True, slots=True)
class Window:
    """A Conv's or pool's window on its way over the image; one entry per spatial axis."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    """Padding as the node wants it."""
    overhang: tuple[int, ...]
    """Samples by which `ceil_mode` lets the last window reach beyond the padding."""

    @property
    def arguments(self) -> dict[str, Any]:
        """MIL's padding, before and after for each axis; the overhang counts as padding."""
        ends = [end + more for end, more in zip(self.after, self.overhang, strict=True)]
        pad = [amount for pair in zip(self.before, ends, strict=True) for amount in pair]
        return {"pad_type": "custom", "pad": pad} if any(pad) else {"pad_type": "valid"}


def window(node: Node, kernel: tuple[int, ...], emission: Emission) -> Window:
    """The window of a Conv or pool node, `auto_pad` and `ceil_mode` resolved.

    Raises:
        ConversionRefused: It cuts off samples by a negative padding.
    """
    axes = range(len(kernel))
    size, places = emission.shape(node.inputs[0])[2:], emission.shape(node.outputs[0])[2:]
    strides = tuple(node.attributes.get("strides", (1,) * len(kernel)))
    dilations = tuple(node.attributes.get("dilations", (1,) * len(kernel)))
    extent = [(kernel[i] - 1) * dilations[i] + 1 for i in axes]
    needed = [(places[i] - 1) * strides[i] + extent[i] - size[i] for i in axes]
    total = [max(amount, 0) for amount in needed]
    pads = tuple(node.attributes.get("pads", (0,) * 2 * len(kernel)))
    automatic = node.attributes.get("auto_pad", "NOTSET")
    if automatic == "NOTSET" and min(pads) < 0:
        raise refusal(node, "negative pads", list(pads), "crop with Slice in front of it")
    before, after = {
        "NOTSET": (pads[: len(kernel)], pads[len(kernel) :]),
        "VALID": ((0,) * len(kernel), (0,) * len(kernel)),
        "SAME_UPPER": (tuple(amount // 2 for amount in total), tuple(amount - amount // 2 for amount in total)),
        "SAME_LOWER": (tuple(amount - amount // 2 for amount in total), tuple(amount // 2 for amount in total)),
    }[automatic]
    overhang = tuple(max(needed[i] - before[i] - after[i], 0) for i in axes)
    return Window(tuple(kernel), strides, dilations, before, after, overhang)
