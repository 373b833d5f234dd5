"""ConvTranspose: TRANSPOSE_CONV, or, since that has no groups, one Conv for each position within a stride."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from conversion.source.graph import Node
from conversion.tflite import layout, padding
from conversion.tflite.builder import Builder
from conversion.tflite.convolution import biases, filters
from conversion.tflite.padding import Pair
from conversion.tflite.shape import joined
from training.student.arrays import Array


@dataclass(frozen=True, slots=True)
class _Spread:
    """The sizes of a ConvTranspose: each input pixel writes one window of the output."""

    size: Pair
    """Of the input image."""
    output: Pair
    extent: Pair
    """Of the window, dilation included."""
    strides: Pair
    before: Pair
    """How much of the result is cut off above and left."""

    @property
    def is_same(self) -> bool:
        """Whether TFLite's SAME cuts off exactly that."""
        return all(
            size == -(-output // stride) and before == max((size - 1) * stride + extent - output, 0) // 2
            for size, output, extent, stride, before in self._axes()
        )

    @property
    def whole(self) -> Pair:
        """The size before cropping: all that is written, extended to where the output ends."""
        return padding.pair(
            [
                max((size - 1) * stride + extent, before + output)
                for size, output, extent, stride, before in self._axes()
            ]
        )

    def _axes(self) -> Iterator[tuple[int, int, int, int, int]]:
        return zip(self.size, self.output, self.extent, self.strides, self.before, strict=True)


def transposed_convolution(node: Node, builder: Builder) -> None:
    """ConvTranspose of an image.

    Raises:
        ConversionRefused: It has groups and strides that differ between rows and columns.
    """
    size = padding.image(node, builder)
    strides, dilations, pads = (node.attributes[name] for name in ("strides", "dilations", "pads"))
    weights = _with_holes(builder.required_constant(node, 1), padding.pair(dilations))
    spread = _Spread(
        size=size,
        output=padding.pair(builder.shape(node.outputs[0])[2:]),
        extent=padding.pair(weights.shape[2:]),
        strides=padding.pair(strides),
        before=padding.pair(pads[:2]),
    )
    if min(pads) < 0:
        raise builder.refusal(node, "negative pads", list(pads), "pad with Pad behind it")
    if node.attributes["group"] > 1:
        _crop(node, _in_phases(node, spread, weights, builder), spread, builder)
        return
    size = spread.output if spread.is_same else spread.whole
    shape = (builder.shape(node.inputs[0])[0], *size, weights.shape[1])
    bias = biases(node, builder)
    inputs = [
        builder.integers(node, shape),
        builder.weights(node, node.inputs[1], weights.transpose(1, 2, 3, 0)),
        builder.read(node.inputs[0], layout.CHANNELS_LAST),
        *([] if bias is None else [builder.weights(node, f"{node.outputs[0]}/bias", bias)]),
    ]
    options = {"strideH": strides[0], "strideW": strides[1], "padding": "SAME" if spread.is_same else "VALID"}
    if size == spread.output:
        builder.write(node, "TRANSPOSE_CONV", inputs, layout.CHANNELS_LAST, **options)
    else:
        _crop(node, builder.compute(node, "TRANSPOSE_CONV", inputs, shape, **options), spread, builder)


def _with_holes(weights: Array, dilations: Pair) -> Array:
    """The same window without dilation."""
    rows, columns = ((side - 1) * dilation + 1 for side, dilation in zip(weights.shape[2:], dilations, strict=True))
    spread = np.zeros((*weights.shape[:2], rows, columns), weights.dtype)
    spread[:, :, :: dilations[0], :: dilations[1]] = weights
    return spread


def _in_phases(node: Node, spread: _Spread, weights: Array, builder: Builder) -> int:
    """All that is written, by one Conv for each place within a stride, interleaved by DEPTH_TO_SPACE.

    Output pixel stride · q + phase gets weight phase + stride · t of input pixel q − t.
    """
    stride, groups = spread.strides[0], node.attributes["group"]
    if spread.strides != (stride, stride):
        raise builder.refusal(
            node, "groups with strides", list(spread.strides), "use the same for rows and columns, or group 1"
        )
    taps = [-(-(whole - (size - 1) * stride) // stride) for whole, size in zip(spread.whole, spread.size, strict=True)]
    extra = [(0, stride * tap - side) for tap, side in zip(taps, spread.extent, strict=True)]
    weights = np.pad(weights, ((0, 0), (0, 0), *extra))
    channels, per_group = weights.shape[:2]
    weights = weights.reshape(groups, channels // groups, per_group, *weights.shape[2:]).swapaxes(1, 2)
    weights = weights.reshape(groups * per_group, channels // groups, *weights.shape[3:])
    source = padding.padded(node, [(tap - 1, tap - 1) for tap in taps], builder)
    rows, columns = (size + tap - 1 for size, tap in zip(spread.size, taps, strict=True))
    shape = (builder.shape(node.inputs[0])[0], rows, columns, groups * per_group)
    bias = biases(node, builder)
    phases = []
    for row, column in product(range(stride), repeat=2):
        phase = weights[:, :, row::stride, column::stride][:, :, ::-1, ::-1]
        builtin, inputs, options = filters(node, phase, bias, builder)
        options |= {"padding": "VALID", "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
        phases.append(builder.compute(node, builtin, [source, *inputs], shape, **options))
    stacked = joined(node, phases, 3, builder)
    if stride == 1:
        return stacked
    shape = (shape[0], rows * stride, columns * stride, shape[3])
    return builder.compute(node, "DEPTH_TO_SPACE", [stacked], shape, blockSize=stride)


def _crop(node: Node, whole: int, spread: _Spread, builder: Builder) -> None:
    begin, size = (0, *spread.before, 0), layout.laid_out(builder.shape(node.outputs[0]), layout.CHANNELS_LAST)
    if builder.shape_in_file(whole) == size:
        builder.relabel(node.outputs[0], whole, layout.CHANNELS_LAST)
    else:
        window = [builder.integers(node, begin), builder.integers(node, size)]
        builder.write(node, "SLICE", [whole, *window], layout.CHANNELS_LAST)
