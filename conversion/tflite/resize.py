"""Resize: accepted only where one of TFLite's sampling grids is ONNX's own, pixel by pixel.

Both conventions are evaluated for the sizes at hand, so that, for example, ONNX's default nearest mode passes at
the factors where rounding never ties.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.source import sampling
from conversion.source.graph import Node
from conversion.tflite import layout
from conversion.tflite.builder import Builder
from conversion.tflite.padding import Pair
from conversion.tflite.shape import joined

# The grids that TFLite's kernels know, (alignCorners, halfPixelCenters); the first is the oldest.
_GRIDS = ((False, False), (False, True), (True, False))


@dataclass(frozen=True, slots=True)
class _Axis:
    """Rows or columns on their way to another number."""

    rule: str
    rounding: str
    size: int
    out: int
    scale: float

    def same_positions(self, grid: tuple[bool, bool]) -> bool:
        """Whether a grid of TFLite samples at the positions of ONNX's linear mode."""
        align_corners, half_pixel = grid
        expected = sampling.positions(self.rule, self.size, self.out, self.scale)
        place = np.arange(self.out, dtype=np.float64)
        found = (place + 0.5 * half_pixel) * self._ratio(align_corners) - 0.5 * half_pixel
        return np.allclose(expected, sampling.inside(found, self.size), rtol=0, atol=1e-6 * self.size)

    def same_pixels(self, grid: tuple[bool, bool]) -> bool:
        """Whether a grid of TFLite repeats the pixels that ONNX's nearest mode does."""
        align_corners, half_pixel = grid
        exact = self.nearest()
        # Runtimes compute in float32; where its error decides which pixel is nearest, they may part.
        place: Any = np.arange(self.out, dtype=np.float32)
        scale: Any = np.float32(self.scale)
        position = sampling.RULES[self.rule](place, self.size, self.out, scale)
        single = sampling.inside(sampling.ROUNDINGS[self.rounding](position), self.size)
        scaled = (place + np.float32(0.5 * half_pixel)) * np.float32(self._ratio(align_corners))
        found = sampling.inside(np.floor(scaled + np.float32(0.5 * align_corners)), self.size)
        return np.array_equal(exact, single) and np.array_equal(exact, found)

    def repeats(self) -> int | None:
        """How often each pixel is repeated in nearest mode, if all of them are equally often."""
        times, rest = divmod(self.out, self.size)
        is_even = rest == 0 and np.array_equal(self.nearest(), np.arange(self.out) // times)
        return times if is_even else None

    def nearest(self) -> NDArray[np.float64]:
        """The pixels that ONNX's nearest mode takes."""
        return sampling.nearest(self.rule, self.rounding, self.size, self.out, self.scale)

    def _ratio(self, align_corners: bool) -> float:
        return (self.size - 1) / (self.out - 1) if align_corners and self.out > 1 else self.size / self.out


def resize(node: Node, builder: Builder) -> None:
    """Resize of an image's rows and columns.

    Raises:
        ConversionRefused: Its mode, or its sampling grid at these sizes, has no exact equal.
    """
    axes, is_nearest = _axes(node, builder), node.attributes["mode"] == "nearest"
    source = builder.read(node.inputs[0], layout.CHANNELS_LAST)
    rows, columns = (axis.repeats() for axis in axes)
    if is_nearest and rows and columns:
        _repeat(node, source, (rows, columns), builder)
        return
    resized = builder.integers(node, [axis.out for axis in axes])
    for grid in _GRIDS:
        if all(axis.same_pixels(grid) if is_nearest else axis.same_positions(grid) for axis in axes):
            builder.write(
                node,
                "RESIZE_NEAREST_NEIGHBOR" if is_nearest else "RESIZE_BILINEAR",
                [source, resized],
                layout.CHANNELS_LAST,
                alignCorners=grid[0],
                halfPixelCenters=grid[1],
            )
            return
    found = f"{axes[0].rule} with nearest_mode {axes[0].rounding}" if is_nearest else axes[0].rule
    sizes = f"{[axis.size for axis in axes]} to {[axis.out for axis in axes]} by {[axis.scale for axis in axes]}"
    works = "asymmetric with floor" if is_nearest else "half_pixel, and sizes instead of scales"
    raise builder.refusal(node, f"{sizes} in coordinate_transformation_mode", found, f"use {works}")


def _axes(node: Node, builder: Builder) -> list[_Axis]:
    """Rows and columns.

    Raises:
        ConversionRefused: Something else than rows and columns is resized, or in a way that TFLite does not know.
    """
    shape, resized = builder.shape(node.inputs[0]), builder.shape(node.outputs[0])
    if len(shape) != layout.IMAGE_RANK or shape[:2] != resized[:2]:
        raise builder.refusal(
            node, "a change of shape from", f"{shape} to {resized}", "resize rows and columns of rank 4 only"
        )
    mode, rule = node.attributes["mode"], node.attributes["coordinate_transformation_mode"]
    if mode not in ("nearest", "linear"):
        raise builder.refusal(node, "mode", mode, "use linear or nearest")
    if node.attributes["antialias"] and any(scale < 1 for scale in node.attributes["scales"]):
        raise builder.refusal(node, "antialias", 1, "use 0, or AveragePool to shrink")
    described = zip(shape[2:], resized[2:], node.attributes["scales"][2:], strict=True)
    return [_Axis(rule, node.attributes["nearest_mode"], *sizes) for sizes in described]


def _repeat(node: Node, source: int, times: Pair, builder: Builder) -> None:
    """Each pixel several times, as copies side by side: XNNPACK does not know RESIZE_NEAREST_NEIGHBOR.

    Rows of (columns, channels) lie in memory one after the other, so columns repeat as channels do, and rows as
    whole lines do.
    """
    batch, rows, columns, channels = builder.shape_in_file(source)
    line = joined(node, [source] * times[1], 3, builder)
    line = builder.reshape(line, (batch, rows, 1, columns * times[1] * channels))
    builder.relabel(node.outputs[0], joined(node, [line] * times[0], 2, builder), layout.CHANNELS_LAST)
