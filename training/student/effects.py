"""What an app draws with a mask, in whole numbers, so that Python, Swift and Kotlin agree (docs/golden.md)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.student.arrays import Floats, Pixels
from training.student.errors import BadInput
from training.student.postprocess import Mask

COLOURS = (
    *((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0), (240, 228, 66)),
    *((51, 34, 136), (153, 153, 51), (136, 34, 85), (102, 51, 0), (120, 120, 120)),
)
"""RGB, one per class, repeated when there are more; apart for eyes that confuse red and green."""


def colour_of(index: int, classes: int) -> tuple[int, int, int]:
    """RGB of a class; a binary mask's foreground is index 1 of one class."""
    return COLOURS[(index - (classes == 1)) % len(COLOURS)]


def overlay(photo: Pixels, mask: Mask, classes: int) -> Pixels:
    """The photo with each class tinted, and outlined where it meets another.

    Args:
        photo: (rows, columns, 3) RGB.
        mask: (rows, columns) class indices. A binary mask's 0, and what is no class, stays as it is.
        classes: As many as there are names; 1 for a binary mask.

    Raises:
        BadInput: The mask is not of the photo's size.
    """
    _check(photo, mask)
    first = 1 if classes == 1 else 0
    table = np.zeros((256, 3), np.uint16)
    table[first : max(2, classes)] = [colour_of(index, classes) for index in range(first, max(2, classes))]
    is_class = (mask >= first) & (mask < max(2, classes))
    outline = is_class & _outline(mask)
    picture = photo.copy()
    picture[is_class] = (6 * photo[is_class].astype(np.uint16) + 4 * table[mask[is_class]] + 5) // 10
    picture[outline] = table[mask[outline]]
    return picture


def cut_out(photo: Pixels, foreground: Mask, feather: int) -> Pixels:
    """(rows, columns, 4) RGBA: the photo, seen through where `foreground` is 0.

    Args:
        photo: (rows, columns, 3) RGB.
        foreground: (rows, columns) of 0 and 1.
        feather: Pixels to either side of the edge over which it fades; 0: none.

    Raises:
        BadInput: The mask is not of the photo's size.
    """
    return np.dstack([photo, alpha(photo, foreground, feather)])


def blurred_background(photo: Pixels, foreground: Mask, feather: int, radius: int) -> Pixels:
    """The photo with all blurred that is not foreground; the foreground's colours do not bleed into it.

    Args:
        photo: (rows, columns, 3) RGB.
        foreground: (rows, columns) of 0 and 1.
        feather: As for `cut_out`.
        radius: Of the square that is averaged, twice over, in pixels beside its centre.

    Raises:
        BadInput: The mask is not of the photo's size.
    """
    cover = alpha(photo, foreground, feather)
    return composed(photo, _blurred(photo, np.uint8(255) - cover, radius), cover)


def composed(photo: Pixels, background: Pixels, cover: Pixels) -> Pixels:
    """`photo` over `background`, (rows, columns, 3) each, where `cover`, (rows, columns), is 255; under it where 0.

    Raises:
        BadInput: They are not of one size.
    """
    _check(photo, cover)
    if background.shape != photo.shape:
        raise BadInput(f"the background is {background.shape}, the photo {photo.shape}; resize it first")
    # Two bytes are enough: 255 * 255 and a half more.
    over = cover[..., None].astype(np.uint16)
    mixed: Pixels = ((over * photo + (255 - over) * background + 127) // 255).astype(np.uint8)
    return mixed


def alpha(photo: Pixels, foreground: Mask, feather: int) -> Pixels:
    """(rows, columns) 0 to 255: the share of foreground in the square around each pixel, what is in frame of it."""
    _check(photo, foreground)
    count = np.outer(*(_in_frame(length, feather) for length in foreground.shape))
    cover: Pixels = _divided(255 * _window(foreground, feather), count).astype(np.uint8)
    return cover


def smoothed(previous: Floats | None, logits: Floats, rate: float) -> Floats:
    """The logits of a frame, drawn towards those before it: previous + (logits - previous) * rate, in float32.

    Args:
        previous: What this gave for the frame before; None for the first, and where the picture has cut.
        logits: Of this frame, the same shape.
        rate: Above 0 and at most 1, which changes nothing.
    """
    if previous is None or rate == 1:
        return logits
    drawn: Floats = previous + (logits - previous) * np.float32(rate)
    return drawn


def _blurred(photo: Pixels, weight: Pixels, radius: int) -> Pixels:
    """Averaged twice, each pixel counting by its weight; one with no weight around it stays as it is."""
    total = _window(weight, radius)
    known, weights = np.maximum(total, 1), weight.astype(np.uint16)
    picture = photo.copy()
    for _ in range(2):
        for channel in range(3):
            values = picture[..., channel]
            average = _divided(_window(weights * values, radius), known)
            picture[..., channel] = np.where(total > 0, average, values)
    return picture


# Sums and quotients of whole numbers, which float64 holds exactly: they stay far below 2 ** 53, and a quotient that is
# no whole number is further from one than float64 rounds.


def _window(values: NDArray[np.uint8] | NDArray[np.uint16], radius: int) -> NDArray[np.float64]:
    """(rows, columns): sums over the square of 2 · radius + 1 pixels around each, where in frame."""
    side = (2 * radius + 1, 2 * radius + 1)
    # OpenCV sums whole numbers in 32 bits, whatever it gives out, and a wide square of a bright picture overflows them.
    exact = values.astype(np.float64)
    return np.asarray(cv2.boxFilter(exact, -1, side, normalize=False, borderType=cv2.BORDER_CONSTANT))


def _in_frame(length: int, radius: int) -> NDArray[np.float64]:
    """(length,): how many of the 2 · radius + 1 places around each are in frame."""
    places = np.arange(length)
    found: NDArray[np.float64] = np.minimum(places + radius + 1, length) - np.maximum(places - radius, 0.0)
    return found


def _divided(total: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounded, halves up."""
    return np.asarray(np.floor((2 * total + count) / (2 * count)))


def _outline(mask: Mask) -> NDArray[np.bool_]:
    """Where one of the eight pixels around differs, of those in frame."""
    around = np.ones((3, 3), np.uint8)
    return np.asarray((cv2.dilate(mask, around) != mask) | (cv2.erode(mask, around) != mask))


def _check(photo: Pixels, mask: Mask) -> None:
    if photo.shape[:2] != mask.shape:
        raise BadInput(f"the mask has {mask.shape} rows and columns, its photo {photo.shape[:2]}")
