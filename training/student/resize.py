"""Bilinear resize with half-pixel centres, to the bit the same in Python, Swift and Kotlin.

Both ends of the contract rest on it: photo to input, and logits to mask. The arithmetic is fixed: positions in
float64, values and weights in float32, rows first, then columns, each as `a + (b - a) * t`, which keeps a
constant constant. There is no antialiasing when shrinking, as in the resizers of MediaPipe and Core Image.
"""

import numpy as np
from numpy.typing import NDArray

from training.student.arrays import Floats


def bilinear(values: NDArray[np.uint8] | Floats, height: int, width: int) -> Floats:
    """(rows, columns, ...) resized to (height, width, ...)."""
    top, bottom, down = _taps(values.shape[0], height)
    left, right, across = _taps(values.shape[1], width)
    trailing = (1,) * (values.ndim - 2)
    # Only the columns that will be read take part in the first pass: shrinking a large photo stays cheap.
    columns = np.unique(np.concatenate([left, right]))
    upper = values[top][:, columns].astype(np.float32)
    lower = values[bottom][:, columns].astype(np.float32)
    rows = upper + (lower - upper) * down.reshape(-1, 1, *trailing)
    first = rows[:, np.searchsorted(columns, left)]
    second = rows[:, np.searchsorted(columns, right)]
    resized: Floats = first + (second - first) * across.reshape(1, -1, *trailing)
    return resized


def _taps(source: int, target: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """For each target index: its two neighbours in the source, and the weight of the second."""
    # Pixel centres sit at half-integers. Starting at 0 instead would shift every mask by half a stride, which
    # no shape check would notice. Outside the outermost centres the edge pixel is repeated.
    position = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    first = np.floor(position).astype(np.intp)
    second = np.minimum(first + 1, source - 1)
    return first, second, (position - first).astype(np.float32)
