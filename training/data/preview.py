"""Small pictures of photos with their masks, for pages with hundreds of them."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.html_page import data_url
from training.student.arrays import Pixels
from training.student.effects import overlay

OTHER = (255, 0, 80)
"""RGB colour of the outline of a second mask."""

_QUALITY = 74


def draw_preview(photo: Pixels, mask: Pixels, classes: int, *, side: int, other: Pixels | None = None) -> Pixels:
    """The photo, shrunk, with its mask tinted and outlined.

    Args:
        photo: (rows, columns, 3) RGB.
        mask: (rows, columns) of class indices.
        classes: Number of classes; 1 for a binary mask.
        side: Largest length of the picture's longer side, in pixels.
        other: A second mask, drawn as an outline.
    """
    small = shrunk(photo, side)
    picture = overlay(small, _nearest(mask, small.shape[1::-1]), classes)
    if other is not None:
        picture[_outline(_nearest(other, picture.shape[1::-1]))] = OTHER
    return picture


def shrunk(picture: Pixels, side: int) -> Pixels:
    """The picture, shrunk to at most `side` pixels on its longer side."""
    shrink = min(1.0, side / max(picture.shape[:2]))
    size = [max(1, round(length * shrink)) for length in picture.shape[1::-1]]
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def jpeg_data_url(picture: Pixels) -> str:
    """The picture as a JPEG data URL."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    encoded: Any = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1]
    return data_url(encoded.tobytes(), "jpeg")


def _nearest(mask: Pixels, size: tuple[int, ...]) -> Pixels:
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def _outline(mask: Pixels) -> NDArray[np.bool_]:
    gradient = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return np.asarray(gradient > 0)
