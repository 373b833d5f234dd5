"""Logits to mask, at the photo's own size: the arithmetic that both apps repeat."""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.student.arrays import Floats
from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.resize import bilinear

Mask = NDArray[np.uint8]
"""Class index per pixel; for a binary student 1 is foreground."""


def upsample(logits: Floats, height: int, width: int) -> Floats:
    """(channels, rows, columns) bilinearly to (channels, height, width), half-pixel centres."""
    return np.ascontiguousarray(bilinear(np.moveaxis(logits, 0, -1), height, width).transpose(2, 0, 1))


def postprocess(logits: Floats, contract: Contract, height: int, width: int) -> Mask:
    """The mask of a photo of `height` × `width` pixels.

    Args:
        logits: (channels, rows, columns) of one photo, as the contract says.
        contract: What the logits were made under.
        height: Rows of the photo.
        width: Columns of the photo.

    Returns:
        (height, width) class indices: threshold (1 where the logit is above it), then opening, for a binary
        student; the first largest channel otherwise.

    Raises:
        BadInput: The logits do not have the contract's shape.
    """
    if logits.shape != contract.logits_shape:
        raise BadInput(f"logits have shape {logits.shape}, the contract says {contract.logits_shape}")
    return decide(upsample(logits.astype(np.float32, copy=False), height, width), contract)


def decide(upsampled: Floats, contract: Contract) -> Mask:
    """The mask of (channels, height, width) logits that are already as large as their photo."""
    if not contract.is_binary:
        largest: Mask = upsampled.argmax(axis=0).astype(np.uint8)
        return largest
    mask = (upsampled[0] > np.float32(contract.threshold)).astype(np.uint8)
    return opened(mask, contract.open) if contract.open > 1 else mask


def opened(mask: Mask, side: int) -> Mask:
    """Eroded, then dilated, by an ellipse of `side` × `side` pixels; beyond the frame nothing is known to differ."""
    clean: Mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, ellipse(side)).astype(np.uint8, copy=False)
    return clean


def ellipse(side: int) -> Mask:
    """(side, side) of 0 and 1, `side` odd: row y spans round(sqrt(r² - (y - r)²)) pixels to either side of its centre.

    OpenCV's MORPH_ELLIPSE, written out because both apps repeat it and OpenCV may yet change it (its issue 22042).
    """
    radius = side // 2
    offsets = np.arange(-radius, radius + 1)
    spans = np.rint(np.sqrt(radius**2 - offsets**2))
    rows: Mask = (np.abs(offsets) <= spans[:, None]).astype(np.uint8)
    return rows
