"""Padding: of Pad, and of a window that slides over an image, in TFLite's terms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from conversion.source.graph import Node
from conversion.tflite import layout
from conversion.tflite.builder import Builder
from conversion.tflite.layout import Order, Shape

Pair = tuple[int, int]
"""Along rows, along columns; or before and after."""


@dataclass(frozen=True, slots=True)
class Window:
    """The window of a Conv or pool, and the image that it slides over."""

    size: Pair
    """The image's, without padding."""
    output: Pair
    """How many positions the window takes: the output's size."""
    extent: Pair
    """From the window's first to its last pixel, dilation included."""
    strides: Pair
    dilations: Pair
    before: Pair
    """Padding above and left."""

    @property
    def after(self) -> Pair:
        """Padding below and right that the window reaches.

        Less than the node's where strides skip some, more where `ceil_mode` lets it run over.
        """
        rows, columns = (
            max((places - 1) * stride + extent - size - before, 0)
            for size, places, extent, stride, before in self._axes()
        )
        return rows, columns

    @property
    def around(self) -> tuple[Pair, Pair]:
        """Padding before and after, of rows and of columns."""
        rows, columns = zip(self.before, self.after, strict=True)
        return rows, columns

    @property
    def scheme(self) -> str | None:
        """SAME or VALID if that is exactly this padding in TFLite; None if neither is."""
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


def window(node: Node, kernel: Sequence[int], builder: Builder) -> Window:
    """The window of a Conv or pool node.

    Raises:
        ConversionRefused: It slides over other than two axes, or cuts off pixels by a negative padding.
    """
    size, output = image(node, builder), builder.shape(node.outputs[0])[2:]
    strides, dilations, pads = (node.attributes[name] for name in ("strides", "dilations", "pads"))
    if min(pads) < 0:
        raise builder.refusal(node, "negative pads", list(pads), "crop with Slice in front of it")
    extent = tuple((side - 1) * dilation + 1 for side, dilation in zip(kernel, dilations, strict=True))
    return Window(*(pair(values) for values in (size, output, extent, strides, dilations, pads[:2])))


def image(node: Node, builder: Builder) -> Pair:
    """Rows and columns of the node's image.

    Raises:
        ConversionRefused: It is none.
    """
    shape = builder.shape(node.inputs[0])
    if len(shape) != layout.IMAGE_RANK:
        raise builder.refusal(node, "an input of shape", shape, "give it rank 4: (N, C, H, W)")
    return pair(shape[2:])


def pair(values: Sequence[int]) -> Pair:
    """The two numbers."""
    rows, columns = (int(value) for value in values)
    return rows, columns


def padded(node: Node, around: Sequence[Pair], builder: Builder, *, fill: float = 0.0) -> int:
    """The node's image, channels-last, with padding written out before and after its rows and columns."""
    source = builder.read(node.inputs[0], layout.CHANNELS_LAST)
    if not np.any(around):
        return source
    amounts = ((0, 0), *around, (0, 0))
    builtin, inputs = _padding(node, amounts, fill, builder)
    shape = tuple(size + sum(pair) for size, pair in zip(builder.shape_in_file(source), amounts, strict=True))
    return builder.compute(node, builtin, [source, *inputs], shape)


def pad(node: Node, builder: Builder) -> None:
    """Pad in every mode; negative amounts crop.

    Raises:
        ConversionRefused: It crops and repeats pixels at once.
    """
    (name,), mode, pads = node.inputs, node.attributes["mode"], node.attributes["pads"]
    order = builder.order(name)
    source, shape = builder.read(name, order), layout.laid_out(builder.shape(name), order)
    amounts = [(pads[axis], pads[axis + len(order)]) for axis in order]
    if mode == "constant":
        _pad_constantly(node, source, shape, amounts, order, builder)
    elif min(pads) < 0:
        raise builder.refusal(node, f"mode {mode} with negative pads", list(pads), "crop with Slice")
    else:
        _pad_with_pixels(node, source, shape, amounts, order, builder)


def _pad_constantly(
    node: Node, source: int, shape: Shape, amounts: Sequence[Pair], order: Order, builder: Builder
) -> None:
    if min(map(min, amounts)) < 0:
        begin = [max(-before, 0) for before, _ in amounts]
        shape = tuple(
            size + min(before, 0) + min(after, 0) for size, (before, after) in zip(shape, amounts, strict=True)
        )
        bounds = (builder.integers(node, sizes) for sizes in (begin, shape))
        source = builder.compute(node, "SLICE", [source, *bounds], shape)
    builtin, inputs = _padding(node, amounts, node.attributes["value"], builder)
    builder.write(node, builtin, [source, *inputs], order)


def _pad_with_pixels(
    node: Node, source: int, shape: Shape, amounts: Sequence[Pair], order: Order, builder: Builder
) -> None:
    """Gather the repeated pixels, axis by axis; ONNX and numpy use the same names for the modes."""
    padded = [i for i, around in enumerate(amounts) if any(around)]
    for i in padded:
        places = np.pad(np.arange(shape[i]), amounts[i], mode=node.attributes["mode"])
        inputs = [source, builder.integers(node, places)]
        if i == padded[-1]:
            builder.write(node, "GATHER", inputs, order, axis=i)
        else:
            shape = (*shape[:i], len(places), *shape[i + 1 :])
            source = builder.compute(node, "GATHER", inputs, shape, axis=i)


def _padding(node: Node, amounts: Sequence[Pair], fill: float, builder: Builder) -> tuple[str, list[int]]:
    """Operator and further inputs that pad; PAD only knows zeros, XNNPACK does not know PADV2."""
    sizes = builder.integers(node, np.maximum(amounts, 0))
    if fill == 0:
        return "PAD", [sizes]
    dtype = builder.graph.dtypes[node.outputs[0]]
    return "PADV2", [sizes, builder.number(f"{node.outputs[0]}/fill", np.full((), fill, dtype))]
