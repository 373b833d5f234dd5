"""Resize: by the MIL operator that samples at the same positions as ONNX, or else by gathers and matrix products."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.coreml.builder import Builder
from conversion.coreml.shape import regular_step
from conversion.source import sampling
from conversion.source.graph import Node

Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Axis:
    index: int
    length: int
    resized: int
    scale: float

    @property
    def is_kept(self) -> bool:
        return self.length == self.resized and self.scale == 1


def resize(node: Node, builder: Builder) -> None:
    """Resize of any axes to nearest samples, or of the last two by interpolation.

    Raises:
        ConversionRefused: It crops, or interpolates along other axes.
    """
    if (rule := node.attributes["coordinate_transformation_mode"]) not in sampling.RULES:
        raise builder.refusal(node, "coordinate_transformation_mode", rule, f"use one of {', '.join(sampling.RULES)}")
    lengths = (builder.shape(name) for name in (node.inputs[0], node.outputs[0]))
    axes = [_Axis(index, *row) for index, row in enumerate(zip(*lengths, node.attributes["scales"], strict=True))]
    if not builder.is_real(node.inputs[0]):
        raise builder.refusal(node, "a resize of", builder.graph.dtypes[node.inputs[0]], "cast to float first")
    if node.attributes["mode"] == "nearest":
        _nearest(node, axes, builder)
        return
    if len(axes) < 2 or not all(axis.is_kept for axis in axes[:-2]):
        shapes = f"{tuple(axis.length for axis in axes)} to {tuple(axis.resized for axis in axes)}"
        raise builder.refusal(node, f"mode {node.attributes['mode']} from", shapes, "resize the last two axes only")
    if not _linear(node, axes, builder):
        _interpolated(node, axes, builder)


def _linear(node: Node, axes: list[_Axis], builder: Builder) -> bool:
    """Write the resize by an operator of MIL; whether there is one."""
    is_filtered = node.attributes["antialias"] and any(axis.scale < 1 for axis in axes)
    if node.attributes["mode"] != "linear" or is_filtered or node.attributes["exclude_outside"] or len(axes) < 3:
        return False
    # The kernels load torch.
    from conversion.coreml.kernels.resize import SAMPLING_MODES, sampled_positions

    rows, columns = axes[-2:]
    rule = node.attributes["coordinate_transformation_mode"]
    wanted = [sampling.positions(rule, axis.length, axis.resized, axis.scale) for axis in (rows, columns)]
    for mode in SAMPLING_MODES:
        offered = [sampled_positions(mode, axis.length, axis.resized) for axis in (rows, columns)]
        if all(np.allclose(w, o, rtol=0, atol=1e-6 * len(w)) for w, o in zip(wanted, offered, strict=True)):
            break
    else:
        return False
    x = builder.read(node.inputs[0])
    if mode == "UNALIGN_CORNERS" and (factors := _whole_factors(rows, columns)):
        # Means the same as resize_bilinear, and is what coremltools' own torch front end emits: the trodden path.
        builder.write(node, "upsample_bilinear", x=x, align_corners=False, **factors)
    else:
        size = {"target_size_height": rows.resized, "target_size_width": columns.resized}
        builder.write(node, "resize_bilinear", x=x, **size, sampling_mode=mode)
    return True


def _interpolated(node: Node, axes: list[_Axis], builder: Builder) -> None:
    """Write the interpolation as matrix products: rows from the left, columns from the right."""
    rows, columns = (_matrix(node.attributes, axis.length, axis.resized, axis.scale) for axis in axes[-2:])
    x = builder.intermediate(node, "matmul", x=builder.read(node.inputs[0]), y=columns.T.copy())
    builder.write(node, "matmul", x=np.broadcast_to(rows, (*(1,) * (len(axes) - 2), *rows.shape)).copy(), y=x)


def _nearest(node: Node, axes: list[_Axis], builder: Builder) -> None:
    """Repeated by whole factors, cut out at regular steps, or gathered one by one."""
    rule, rounding = (node.attributes[name] for name in ("coordinate_transformation_mode", "nearest_mode"))
    x = builder.read(node.inputs[0])
    places = [sampling.nearest(rule, rounding, axis.length, axis.resized, axis.scale).astype(np.int32) for axis in axes]
    if len(axes) >= 3 and _repeats(places, axes):
        builder.write(node, "upsample_nearest_neighbor", x=x, **_whole_factors(*axes[-2:]))
        return
    steps = [regular_step(place) for place in places]
    if all(steps):
        ends = [int(place[-1]) + 1 for place in places]
        builder.write(node, "slice_by_index", x=x, begin=[int(place[0]) for place in places], end=ends, stride=steps)
        return
    *rest, last = [axis for axis in axes if not np.array_equal(places[axis.index], np.arange(axis.length))]
    for axis in rest:
        x = builder.intermediate(node, "gather", x=x, indices=places[axis.index], axis=axis.index)
    builder.write(node, "gather", x=x, indices=places[last.index], axis=last.index)


def _repeats(places: list[NDArray[np.int32]], axes: list[_Axis]) -> bool:
    """Whether rows and columns are repeated by whole factors, and nothing else."""
    if not all(axis.is_kept for axis in axes[:-2]) or not _whole_factors(*axes[-2:]):
        return False
    return all(
        np.array_equal(place, np.arange(axis.resized) // (axis.resized // axis.length))
        for place, axis in zip(places, axes, strict=True)
    )


def _whole_factors(rows: _Axis, columns: _Axis) -> dict[str, int]:
    if rows.resized % rows.length or columns.resized % columns.length:
        return {}
    return {
        "scale_factor_height": rows.resized // rows.length,
        "scale_factor_width": columns.resized // columns.length,
    }


def _matrix(attributes: Mapping[str, Any], length: int, resized: int, scale: float) -> NDArray[np.float32]:
    """How much of each input sample goes into each output sample, (resized, length).

    From https://onnx.ai/onnx/operators/onnx__Resize.html: samples beyond the edge repeat it or, with
    `exclude_outside`, do not count; with `antialias`, shrinking widens the filter as much.

    Args:
        attributes: Of a canonical Resize node whose mode is linear or cubic.
        length: Of the axis before.
        resized: And after.
        scale: Between them.
    """
    weigh, radius = _FILTERS[attributes["mode"]]
    stretch = min(scale, 1.0) if attributes["antialias"] else 1.0
    rule = sampling.RULES[attributes["coordinate_transformation_mode"]]
    positions = rule(np.arange(resized, dtype=np.float64), length, resized, scale)
    reach = int(np.ceil(radius / stretch))
    found = np.zeros((resized, length))
    for row, position in enumerate(positions):
        taps = np.arange(int(np.floor(position)) - reach, int(np.floor(position)) + reach + 2)
        weights = weigh(np.abs(taps - position) * stretch, attributes["cubic_coeff_a"])
        if attributes["exclude_outside"]:
            weights = weights * ((taps >= 0) & (taps < length))
        np.add.at(found[row], np.clip(taps, 0, length - 1), weights / weights.sum())
    return found.astype(np.float32)


def _triangle(distance: Weights, _: float) -> Weights:
    return np.clip(1 - distance, 0, None)


def _cubic(distance: Weights, a: float) -> Weights:
    """Keys' convolution kernel, Cubic Convolution Interpolation for Digital Image Processing, 1981."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0))


_FILTERS: Mapping[str, tuple[Callable[[Weights, float], Weights], int]] = {
    "linear": (_triangle, 1),
    "cubic": (_cubic, 2),
}
"""Weight by distance, and the distance from which on it is zero."""
