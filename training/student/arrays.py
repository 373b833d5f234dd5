"""The array types that photos, logits and tensors have, and the layout that networks take."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""A photo or an input, (rows, columns, 3) RGB, or its bytes in another layout."""

Floats = NDArray[np.float32]
"""Logits, probabilities, or an image in real numbers."""

Array = NDArray[Any]
"""A tensor of whatever type."""


def channels_first(image: Pixels) -> Floats:
    """A (rows, columns, 3) image as a batch of one for a network: (1, 3, rows, columns) float32, values as they are."""
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)
