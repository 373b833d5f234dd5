"""Where MIL's resizes look, as plain arrays of source positions beside ONNX's of `conversion.source.sampling`."""

from collections.abc import Callable, Mapping

import numpy as np

from conversion.source.sampling import Positions, inside

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


def mil_positions(mode: str, length: int, resized: int) -> Positions:
    """Where MIL's resize_bilinear samples, held inside the input."""
    return inside(MIL[mode](np.arange(resized, dtype=np.float64), length, resized), length)
