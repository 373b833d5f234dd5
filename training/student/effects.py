"""What an app draws with a mask, in whole numbers, so that Python, Swift and Kotlin agree (docs/golden.md)."""

import numpy as np
from numpy.typing import NDArray

from training.student.errors import BadInput
from training.student.postprocess import Mask
from training.student.resize import Floats

Pixels = NDArray[np.uint8]

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
    colours = table[mask]
    tinted = (6 * photo.astype(np.uint16) + 4 * colours + 5) // 10
    shown = np.where(_outline(mask)[..., None], colours, tinted)
    picture: Pixels = np.where(is_class[..., None], shown, photo).astype(np.uint8)
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
    over = cover[..., None].astype(np.uint32)
    mixed: Pixels = ((over * photo + (255 - over) * background + 127) // 255).astype(np.uint8)
    return mixed


def alpha(photo: Pixels, foreground: Mask, feather: int) -> Pixels:
    """(rows, columns) 0 to 255: the share of foreground in the square around each pixel, what is in frame of it."""
    _check(photo, foreground)
    framed = foreground[..., None]
    inside, count = _window(framed, feather), _window(np.ones_like(framed), feather)
    cover: Pixels = ((2 * 255 * inside + count) // (2 * count))[..., 0].astype(np.uint8)
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
    weights = weight[..., None].astype(np.int64)
    total = _window(weights, radius)
    known = np.maximum(total, 1)
    picture = photo
    for _ in range(2):
        average = (2 * _window(weights * picture, radius) + known) // (2 * known)
        picture = np.where(total > 0, average, picture).astype(np.uint8)
    return picture


def _window(values: NDArray[np.uint8] | NDArray[np.int64], radius: int) -> NDArray[np.int64]:
    """(rows, columns, channels): sums over the square of 2 · radius + 1 pixels around each, where in frame."""
    rows, columns = values.shape[:2]
    sums = np.zeros((rows + 1, columns + 1, values.shape[2]), np.int64)
    sums[1:, 1:] = values.astype(np.int64).cumsum(0).cumsum(1)
    top, left = (np.maximum(np.arange(length) - radius, 0) for length in (rows, columns))
    below, right = (np.minimum(np.arange(length) + radius + 1, length) for length in (rows, columns))
    found: NDArray[np.int64] = sums[below][:, right] - sums[top][:, right] - sums[below][:, left] + sums[top][:, left]
    return found


def _outline(mask: Mask) -> NDArray[np.bool_]:
    """Where one of the eight pixels around differs, of those in frame."""
    rows, columns = mask.shape
    edge = np.zeros(mask.shape, np.bool_)
    framed = np.pad(mask, 1, mode="edge")
    for down in range(3):
        for across in range(3):
            edge |= framed[down : down + rows, across : across + columns] != mask
    return edge


def _check(photo: Pixels, mask: Mask) -> None:
    if photo.shape[:2] != mask.shape:
        raise BadInput(f"the mask has {mask.shape} rows and columns, its photo {photo.shape[:2]}")
