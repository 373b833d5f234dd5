"""The positions that ONNX's Resize samples, as arrays, for one axis at a time.

A target can express a resize exactly where its own rule places every sample alike, so emitters compare positions
instead of names.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.float64]
"""One per output sample, in input samples: 0 is the centre of the first."""

RULES: Mapping[str, Callable[[Positions, int, int, float], Positions]] = {
    "half_pixel": lambda i, n, m, scale: (i + 0.5) / scale - 0.5,
    "pytorch_half_pixel": lambda i, n, m, scale: (i + 0.5) / scale - 0.5 if m > 1 else 0 * i,
    "half_pixel_symmetric": lambda i, n, m, scale: n / 2 * (1 - m / (scale * n)) + (i + 0.5) / scale - 0.5,
    "asymmetric": lambda i, n, m, scale: i / scale,
    "align_corners": lambda i, n, m, scale: i * (n - 1) / max(m - 1, 1),
}
"""`coordinate_transformation_mode`, from output index, input length, output length and scale to a position.

From https://onnx.ai/onnx/operators/onnx__Resize.html; `tf_crop_and_resize` also needs a region and is left out.
"""

ROUNDINGS: Mapping[str, Callable[[Positions], Positions]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}
"""`nearest_mode` of the same page."""


def positions(rule: str, length: int, resized: int, scale: float) -> Positions:
    """The positions of linear sampling, clipped to the input."""
    return inside(RULES[rule](np.arange(resized, dtype=np.float64), length, resized, scale), length)


def nearest(rule: str, rounding: str, length: int, resized: int, scale: float) -> Positions:
    """The input samples that nearest mode takes."""
    places = RULES[rule](np.arange(resized, dtype=np.float64), length, resized, scale)
    # Double precision puts (1 + 0.5) / 3 - 0.5 a hair beside 0; the rule means 0.
    return inside(ROUNDINGS[rounding](np.round(places, 9)), length)


def inside(places: Positions, length: int) -> Positions:
    """Positions clipped to an input of `length` samples."""
    return np.clip(places, 0, length - 1)
