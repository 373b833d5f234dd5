"""Edges of a photo, and the areas that they enclose."""

import cv2
import numpy as np

from training.student.arrays import Pixels

_TILES = (8, 8)
_HYSTERESIS = 0.4


def shrink(photo: Pixels, side: int) -> Pixels:
    """The photo, resized so that its longer side has that many pixels."""
    rows, columns = photo.shape[:2]
    scale = side / max(rows, columns)
    size = (max(round(columns * scale), 1), max(round(rows * scale), 1))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return small.astype(np.uint8, copy=False)


def prepare(photo: Pixels, *, even: float, stretch: float, clahe: float, sharpen: float, blur: float) -> Pixels:
    """(rows, columns) of brightness, prepared for edge detection.

    Args:
        photo: (rows, columns, 3) RGB.
        even: Share of slow brightness changes to remove, 0 to 1.
        stretch: Percent of pixels to clip at either end when stretching to full contrast.
        clahe: Clip limit of the contrast-limited adaptive histogram equalisation (CLAHE); 0: none.
        sharpen: Weight of an unsharp mask; 0: none.
        blur: Standard deviation of a Gaussian, in pixels; 0: none.
    """
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if even:
        side = max(grey.shape) // 3 | 1
        slow = cv2.blur(grey, (side, side))
        grey -= even * (slow - slow.mean())
    low, high = np.percentile(grey, (stretch, 100 - stretch))
    levels = np.clip((grey - low) * (255 / max(high - low, 1)), 0, 255).astype(np.uint8)
    if clahe:
        levels = _pixels(cv2.createCLAHE(clahe, _TILES).apply(levels))
    if sharpen:
        levels = _pixels(cv2.addWeighted(levels, 1 + sharpen, cv2.GaussianBlur(levels, (0, 0), 3), -sharpen, 0))
    return _pixels(cv2.GaussianBlur(levels, (0, 0), blur)) if blur else levels


def canny_edges(grey: Pixels, *, canny: float) -> Pixels:
    """(rows, columns): 1 on Canny edges; `canny` is the upper threshold."""
    return _pixels(cv2.Canny(grey, _HYSTERESIS * canny, canny) > 0)


def fill_outlines(edges: Pixels, *, bridge: int) -> Pixels:
    """(rows, columns): 1 inside closed outlines; gaps of up to `bridge` pixels are closed."""
    rows, columns = edges.shape
    # Outlines that the frame cuts off are closed by their own reflection.
    down, across = rows // 4, columns // 4
    mirrored = cv2.copyMakeBorder(edges, down, down, across, across, cv2.BORDER_REFLECT)
    # Dilate, fill, erode: a morphological close of the lines alone would not join two loose ends.
    wide = cv2.dilate(mirrored, disc_kernel(bridge + 1))
    contours, _ = cv2.findContours(wide, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(mirrored), contours, -1, (1,), cv2.FILLED)
    narrow = _pixels(cv2.erode(filled, disc_kernel(bridge + 1)))
    return np.ascontiguousarray(narrow[down : down + rows, across : across + columns])


def disc_kernel(side: int) -> Pixels:
    """A disc as structuring element; with 0 or 1 pixels it changes nothing."""
    return _pixels(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (max(side, 1), max(side, 1))))


def close_and_open(mask: Pixels, *, close: int, open: int) -> Pixels:
    """(rows, columns) of 0 and 1: morphological close, then open, by discs of these sizes in pixels.

    The border is replicated; otherwise the corners of objects at the frame would be rounded.
    """
    rows, columns = mask.shape
    for operation, side in ((cv2.MORPH_CLOSE, close), (cv2.MORPH_OPEN, open)):
        wide = cv2.copyMakeBorder(mask, side, side, side, side, cv2.BORDER_REPLICATE)
        mask = _pixels(cv2.morphologyEx(wide, operation, disc_kernel(side)))[side : side + rows, side : side + columns]
    return mask


def boundary(mask: Pixels) -> Pixels:
    """(rows, columns): 1 on the outermost pixels of the mask, including those on the photo's frame."""
    inner = cv2.erode(mask, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
    return mask - _pixels(inner)


def _pixels(image: object) -> Pixels:
    """An OpenCV result as uint8; OpenCV's types do not say so."""
    assert isinstance(image, np.ndarray)
    return image.astype(np.uint8, copy=False)
