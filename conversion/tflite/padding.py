"""Where a sliding window meets the image's edge: what ONNX asks for, and TFLite's way to say it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from conversion.graph import Node
from conversion.tflite import layout
from conversion.tflite.emission import Emission, refusal

Pair = tuple[int, int]
"""Along rows, along columns."""


@dataclass(frozen=True, slots=True)
class Window:
    """A Conv's or pool's window on its way over the image."""

    size: Pair
    """The image's, without padding."""
    output: Pair
    """How many places the window takes."""
    extent: Pair
    """From the window's first to its last pixel, dilation included."""
    strides: Pair
    dilations: Pair
    before: Pair
    """Padding above and left."""

    @property
    def after(self) -> Pair:
        """Padding below and right that the window really reaches.

        Less than the node's where strides skip some, more where `ceil_mode` lets it run over.
        """
        rows, columns = (
            max((places - 1) * stride + extent - size - before, 0)
            for size, places, extent, stride, before in self._axes()
        )
        return rows, columns

    @property
    def scheme(self) -> str | None:
        """TFLite's SAME or VALID where one of them is this padding exactly; otherwise None."""
        if not any((*self.before, *self.after)):
            return "VALID"
        # tflite-runtime 2.14's XNNPACK places a window that leaps over pixels wrongly under SAME.
        is_same = all(
            places == -(-size // stride)
            and stride <= extent
            and before == max((places - 1) * stride + extent - size, 0) // 2
            for size, places, extent, stride, before in self._axes()
        )
        return "SAME" if is_same else None

    def _axes(self) -> Iterator[tuple[int, int, int, int, int]]:
        return zip(self.size, self.output, self.extent, self.strides, self.before, strict=True)


def window(node: Node, kernel: tuple[int, ...], emission: Emission) -> Window:
    """The window of a Conv or pool node, `auto_pad` resolved.

    Raises:
        ConversionRefused: It slides over other than two axes, or cuts off pixels by a negative padding.
    """
    shape, output = emission.shape(node.inputs[0]), emission.shape(node.outputs[0])
    if len(shape) != layout.IMAGE_RANK:
        raise refusal(node, "an input of shape", shape, "give it rank 4: (N, C, H, W)")
    size, places = shape[2:], output[2:]
    strides = node.attributes.get("strides", (1, 1))
    dilations = node.attributes.get("dilations", (1, 1))
    extent = tuple((side - 1) * dilation + 1 for side, dilation in zip(kernel, dilations, strict=True))
    total = [max((places[i] - 1) * strides[i] + extent[i] - size[i], 0) for i in range(2)]
    automatic = node.attributes.get("auto_pad", "NOTSET")
    pads = node.attributes.get("pads", (0, 0, 0, 0))
    if automatic == "NOTSET" and min(pads) < 0:
        raise refusal(node, "negative pads", list(pads), "crop with Slice in front of it")
    before = {
        "NOTSET": tuple(pads[:2]),
        "VALID": (0, 0),
        "SAME_UPPER": tuple(amount // 2 for amount in total),
        "SAME_LOWER": tuple((amount + 1) // 2 for amount in total),
    }[automatic]
    return Window(*(_pair(values) for values in (size, places, extent, strides, dilations, before)))


def padded(node: Node, window: Window, emission: Emission, *, fill: float = 0.0) -> int:
    """The node's image with its padding written out, so that VALID windows fit."""
    amounts = ((0, 0), (0, 0), *zip(window.before, window.after, strict=True))
    shape = tuple(size + sum(pair) for size, pair in zip(emission.shape(node.inputs[0]), amounts, strict=True))
    builtin, inputs = pad(node, emission.read(node.inputs[0]), amounts, fill, emission)
    return emission.intermediate(node, builtin, inputs, shape)


def pad(node: Node, source: int, amounts: tuple[Pair, ...], fill: float, emission: Emission) -> tuple[str, list[int]]:
    """Operator and inputs that pad by (before, after) for each axis of the graph.

    PAD only knows zeros; XNNPACK does not know PADV2.
    """
    laid_out = np.array([amounts[axis] for axis in layout.order(len(amounts))])
    inputs = [source, emission.integers(f"{node.outputs[0]}/paddings", laid_out)]
    if fill == 0:
        return "PAD", inputs
    return "PADV2", [*inputs, emission.number(f"{node.outputs[0]}/fill", np.full((), fill, np.float32))]


def _pair(values: tuple[int, ...]) -> Pair:
    rows, columns = (int(value) for value in values)
    return rows, columns
