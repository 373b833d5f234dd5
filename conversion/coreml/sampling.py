"""Where resizes look: ONNX's coordinate rules and MIL's sampling modes, each as plain arrays of source positions.

A resize is expressible exactly where both place every sample alike, so the emitter compares positions instead of
names.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.float64]
"""One per output sample, in input samples: 0 is the centre of the first."""

Onnx = Callable[[Positions, int, int, float], Positions]
"""From output indices, input length, output length and scale."""

ONNX: Mapping[str, Onnx] = {
    "half_pixel": lambda i, n, m, scale: (i + 0.5) / scale - 0.5,
    "pytorch_half_pixel": lambda i, n, m, scale: (i + 0.5) / scale - 0.5 if m > 1 else 0 * i,
    "half_pixel_symmetric": lambda i, n, m, scale: n / 2 * (1 - m / (scale * n)) + (i + 0.5) / scale - 0.5,
    "asymmetric": lambda i, n, m, scale: i / scale,
    "align_corners": lambda i, n, m, scale: i * (n - 1) / max(m - 1, 1),
}
"""`coordinate_transformation_mode` of https://onnx.ai/onnx/operators/onnx__Resize.html."""

ROUNDINGS: Mapping[str, Callable[[Positions], Positions]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}
"""`nearest_mode` of the same page."""

MIL: Mapping[str, Callable[[Positions, int, int], Positions]] = {
    "UNALIGN_CORNERS": lambda i, n, m: (i + 0.5) * n / m - 0.5,
    "STRICT_ALIGN_CORNERS": lambda i, n, m: i * (n - 1) / (m - 1) if m > 1 else np.full(m, np.nan),
    "ALIGN_CORNERS": lambda i, n, m: i * (n - 1) / (m - 1) if m > 1 else np.full(m, (n - 1) / 2),
    "DEFAULT": lambda i, n, m: i * (n - n / m) / (m - 1) if m > 1 else np.full(m, np.nan),
    "OFFSET_CORNERS": lambda i, n, m: (i + 0.5) * max(1, n - 1) / m,
}
"""`sampling_mode` of resize_bilinear, from the docstring of coremltools' iOS15 operator.

For one output sample, STRICT_ALIGN_CORNERS and DEFAULT divide zero by zero there: NaN agrees with nothing.
"""


def onnx_positions(rule: str, length: int, resized: int, scale: float) -> Positions:
    """Where ONNX samples linearly, held inside the input."""
    return _inside(ONNX[rule](np.arange(resized, dtype=np.float64), length, resized, scale), length)


def onnx_nearest(rule: str, rounding: str, length: int, resized: int, scale: float) -> Positions:
    """Which input samples ONNX repeats."""
    positions = ONNX[rule](np.arange(resized, dtype=np.float64), length, resized, scale)
    # Double precision puts (1 + 0.5) / 3 - 0.5 a hair beside 0; the rule means 0.
    return _inside(ROUNDINGS[rounding](np.round(positions, 9)), length)


def mil_positions(mode: str, length: int, resized: int) -> Positions:
    """Where MIL's resize_bilinear samples, held inside the input."""
    return _inside(MIL[mode](np.arange(resized, dtype=np.float64), length, resized), length)


def _inside(positions: Positions, length: int) -> Positions:
    return np.clip(positions, 0, length - 1)
