"""ONNX's linear and cubic interpolation along one axis, as the matrix that it is."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.source import sampling

Weights = NDArray[np.float64]


def matrix(attributes: Mapping[str, Any], length: int, resized: int, scale: float) -> NDArray[np.float32]:
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


def _linear(distance: Weights, _: float) -> Weights:
    return np.clip(1 - distance, 0, None)


def _cubic(distance: Weights, a: float) -> Weights:
    """Keys' convolution kernel, Cubic Convolution Interpolation for Digital Image Processing, 1981."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0))


_FILTERS: Mapping[str, tuple[Callable[[Weights, float], Weights], int]] = {"linear": (_linear, 1), "cubic": (_cubic, 2)}
"""Weight by distance, and the distance from which on it is zero."""
