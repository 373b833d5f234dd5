"""Photo to input: stretched to the contract's size, still raw RGB."""

import numpy as np
from numpy.typing import NDArray

from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.resize import bilinear


def preprocess(photo: NDArray[np.uint8], contract: Contract) -> NDArray[np.uint8]:
    """The input that every form of a student takes, before its own layout and type.

    Whole numbers, because a Core ML image and an integer TFLite input can hold nothing else: so all targets see
    the same input, and a half is rounded up in every language.

    Args:
        photo: (rows, columns, 3) RGB, upright.
        contract: Says the size.

    Returns:
        (height, width, 3) RGB.

    Raises:
        BadInput: The photo is not 8-bit RGB.
    """
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or 0 in photo.shape:
        raise BadInput(f"a photo must be (rows, columns, 3) uint8 RGB, found {photo.shape} {photo.dtype}")
    return (bilinear(photo, contract.height, contract.width) + np.float32(0.5)).astype(np.uint8)
