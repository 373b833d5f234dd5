"""Masks drawn over their photos, small enough for a page of hundreds."""

import base64
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

# RGB, one per class, repeated when there are more; apart for eyes that confuse red and green.
COLOURS = (
    *((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0), (240, 228, 66)),
    *((51, 34, 136), (153, 153, 51), (136, 34, 85), (102, 51, 0), (120, 120, 120)),
)
OTHER = (255, 0, 80)
"""Outlines another teacher's mask."""

_QUALITY = 74


def overlay(photo: Pixels, mask: Pixels, classes: int, *, side: int, other: Pixels | None = None) -> Pixels:
    """The photo with its mask tinted and outlined.

    Args:
        photo: (rows, columns, 3) RGB.
        mask: (rows, columns) of class indices.
        classes: As many as there are names; 1 for a binary mask.
        side: Pixels of the picture's longer side, at most.
        other: Another mask, which is outlined alone.
    """
    picture = shrunk(photo, side).astype(np.float32)
    small = _nearest(mask, picture.shape[1::-1])
    for index in range(1 if classes == 1 else 0, max(2, classes)):
        member = (small == index).view(np.uint8)
        colour = colour_of(index, classes)
        picture[member > 0] = picture[member > 0] * 0.6 + np.array(colour) * 0.4
        picture[_outline(member)] = colour
    if other is not None:
        picture[_outline(_nearest(other, picture.shape[1::-1]))] = OTHER
    return picture.astype(np.uint8)


def colour_of(index: int, classes: int) -> tuple[int, int, int]:
    """RGB of a class."""
    return COLOURS[(index - (classes == 1)) % len(COLOURS)]


def shrunk(picture: Pixels, side: int) -> Pixels:
    """With at most `side` pixels on its longer side."""
    shrink = min(1.0, side / max(picture.shape[:2]))
    size = [max(1, round(length * shrink)) for length in picture.shape[1::-1]]
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def as_url(picture: Pixels) -> str:
    """A JPEG that a page holds in itself."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    encoded: Any = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1]
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"


def _nearest(mask: Pixels, size: tuple[int, ...]) -> Pixels:
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def _outline(mask: Pixels) -> NDArray[np.bool_]:
    gradient = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return np.asarray(gradient > 0)
