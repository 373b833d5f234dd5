"""Resize: accepted only where one of TFLite's sampling grids is ONNX's own, pixel by pixel.

Both conventions are evaluated for the sizes at hand, so that, for example, ONNX's default nearest mode passes at
the factors where rounding never ties.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.graph import Node
from conversion.tflite import layout
from conversion.tflite.emission import Emission, refusal

Floats = NDArray[np.floating[Any]]

# The grids that TFLite's kernels know, (alignCorners, halfPixelCenters); the first is the oldest.
_GRIDS = ((False, False), (False, True), (True, False))


def resize(node: Node, emission: Emission) -> None:
    """Resize as RESIZE_BILINEAR or RESIZE_NEAREST_NEIGHBOR.

    Raises:
        ConversionRefused: Its mode, or its sampling grid at these sizes, has no exact equal.
    """
    _check(node, emission)
    sizes, resized = (emission.shape(name)[2:] for name in (node.inputs[0], node.outputs[0]))
    is_nearest = node.attributes.get("mode", "nearest") == "nearest"
    matches = _same_pixels if is_nearest else _same_positions
    for grid in _GRIDS:
        if all(matches(node, size, out, grid, emission) for size, out in zip(sizes, resized, strict=True)):
            emission.write(
                node,
                "RESIZE_NEAREST_NEIGHBOR" if is_nearest else "RESIZE_BILINEAR",
                [emission.read(node.inputs[0]), emission.integers(f"{node.outputs[0]}/size", resized)],
                alignCorners=grid[0],
                halfPixelCenters=grid[1],
            )
            return
    found = _coordinates(node)
    if is_nearest:
        found = f"{found} with nearest_mode {node.attributes.get('nearest_mode', 'round_prefer_floor')}"
    works = "asymmetric with floor" if is_nearest else "half_pixel"
    raise refusal(node, f"{sizes} to {resized} in coordinate_transformation_mode", found, f"use {works}")


def _check(node: Node, emission: Emission) -> None:
    shape, resized = emission.shape(node.inputs[0]), emission.shape(node.outputs[0])
    mode = node.attributes.get("mode", "nearest")
    if len(shape) != layout.IMAGE_RANK or shape[:2] != resized[:2]:
        raise refusal(node, "a change of shape from", f"{shape} to {resized}", "resize rows and columns of rank 4 only")
    if mode not in ("nearest", "linear"):
        raise refusal(node, "mode", mode, "use linear or nearest")
    if _coordinates(node) not in _POSITIONS:
        raise refusal(node, "coordinate_transformation_mode", _coordinates(node), f"use one of {', '.join(_POSITIONS)}")
    if node.attributes.get("antialias", 0) and any(out < size for size, out in zip(shape, resized, strict=True)):
        raise refusal(node, "antialias", 1, "use 0, or AveragePool to shrink")
    for axis, scale in enumerate(node.attributes["scales"]):
        if not np.isclose(scale * shape[axis], resized[axis], rtol=1e-6):
            raise refusal(
                node,
                "scale",
                f"{scale:g} of {shape[axis]}, which is no whole number of pixels",
                f"use sizes instead of scales, or a scale that gives {resized[axis]} exactly",
            )


def _coordinates(node: Node) -> str:
    return str(node.attributes["coordinate_transformation_mode"])


def _half_pixel(place: Floats, size: int, out: int) -> Floats:
    return (place + 0.5) / _scale(place, size, out) - 0.5


def _aligned(place: Floats, size: int, out: int) -> Floats:
    return place * (size - 1) / max(out - 1, 1)


def _scale(place: Floats, size: int, out: int) -> np.floating[Any]:
    scale: np.floating[Any] = place.dtype.type(out) / place.dtype.type(size)
    return scale


# Where an output pixel lies in the input, by ONNX's definition of Resize; scales are out / size exactly by now.
_POSITIONS: Mapping[str, Callable[[Floats, int, int], Floats]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel,
    "pytorch_half_pixel": lambda place, size, out: _half_pixel(place, size, out) if out > 1 else 0 * place,
    "align_corners": _aligned,
    "asymmetric": lambda place, size, out: place / _scale(place, size, out),
}

_ROUNDINGS: Mapping[str, Callable[[Floats], Floats]] = {
    "round_prefer_floor": lambda position: np.ceil(position - 0.5),
    "round_prefer_ceil": lambda position: np.floor(position + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _same_positions(node: Node, size: int, out: int, grid: tuple[bool, bool], emission: Emission) -> bool:
    place = np.arange(out, dtype=np.float64)
    expected = _POSITIONS[_coordinates(node)](place, size, out)
    align_corners, half_pixel = grid
    found = (place + 0.5 * half_pixel) * _ratio(size, out, align_corners=align_corners) - 0.5 * half_pixel
    # Beyond its edges the image goes on as its last pixel, in both.
    return bool(np.allclose(expected.clip(0, size - 1), found.clip(0, size - 1), rtol=0, atol=1e-6 * size))


def _same_pixels(node: Node, size: int, out: int, grid: tuple[bool, bool], emission: Emission) -> bool:
    rounding = _ROUNDINGS[node.attributes.get("nearest_mode", "round_prefer_floor")]
    position = _POSITIONS[_coordinates(node)]
    exact = rounding(position(np.arange(out, dtype=np.float64), size, out).round(9)).clip(0, size - 1)
    align_corners, half_pixel = grid
    # Both runtimes compute in float32; where its error decides which pixel is nearest, they may part.
    single = rounding(position(np.arange(out, dtype=np.float32), size, out)).clip(0, size - 1)
    ratio = np.float32(_ratio(size, out, align_corners=align_corners))
    product = (np.arange(out, dtype=np.float32) + np.float32(0.5 * half_pixel)) * ratio
    found = np.floor(product + np.float32(0.5 * align_corners)).clip(0, size - 1)
    return bool(np.array_equal(exact, single) and np.array_equal(exact, found))


def _ratio(size: int, out: int, *, align_corners: bool) -> float:
    return (size - 1) / (out - 1) if align_corners and out > 1 else size / out
