"""Edges of a photo, and what they enclose."""

import cv2
import numpy as np

from training.student.arrays import Pixels

_TILES = (8, 8)
_HYSTERESIS = 0.4


def shrink(photo: Pixels, side: int) -> Pixels:
    """The photo with its longer side brought to that many pixels."""
    rows, columns = photo.shape[:2]
    scale = side / max(rows, columns)
    size = (max(round(columns * scale), 1), max(round(rows * scale), 1))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return small.astype(np.uint8, copy=False)


def prepare(photo: Pixels, *, even: float, stretch: float, clahe: float, sharpen: float, blur: float) -> Pixels:
    """(rows, columns) of brightness in which edges are to be sought.

    Args:
        photo: (rows, columns, 3) RGB.
        even: How much of the slow changes over the photo is taken away, 0 to 1.
        stretch: Percent of pixels at either end that the stretch to full contrast clips.
        clahe: Clip limit of the contrast-limited adaptive equalisation; 0: none.
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
    """(rows, columns): 1 on Canny's edges, `canny` being the upper of its thresholds."""
    return _pixels(cv2.Canny(grey, _HYSTERESIS * canny, canny) > 0)


def fill_outlines(edges: Pixels, *, bridge: int) -> Pixels:
    """(rows, columns): 1 within closed outlines, gaps of up to `bridge` pixels overlooked."""
    rows, columns = edges.shape
    # What the frame cuts off is closed by its own reflection.
    down, across = rows // 4, columns // 4
    mirrored = cv2.copyMakeBorder(edges, down, down, across, across, cv2.BORDER_REFLECT)
    # Widened, filled and narrowed again: closing the lines alone would not join two ends, which a disc slips between.
    wide = cv2.dilate(mirrored, disc_kernel(bridge + 1))
    contours, _ = cv2.findContours(wide, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(mirrored), contours, -1, (1,), cv2.FILLED)
    narrow = _pixels(cv2.erode(filled, disc_kernel(bridge + 1)))
    return np.ascontiguousarray(narrow[down : down + rows, across : across + columns])


def disc_kernel(side: int) -> Pixels:
    """A disc as structuring element; of 0 or 1 pixels it changes nothing."""
    return _pixels(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (max(side, 1), max(side, 1))))


def close_and_open(mask: Pixels, *, close: int, open: int) -> Pixels:
    """(rows, columns) of 0 and 1, closed and then opened by discs of these sides.

    Things that the frame cuts off are taken to go on beyond it, or their corners there would be rounded.
    """
    rows, columns = mask.shape
    for operation, side in ((cv2.MORPH_CLOSE, close), (cv2.MORPH_OPEN, open)):
        wide = cv2.copyMakeBorder(mask, side, side, side, side, cv2.BORDER_REPLICATE)
        mask = _pixels(cv2.morphologyEx(wide, operation, disc_kernel(side)))[side : side + rows, side : side + columns]
    return mask


def boundary(mask: Pixels) -> Pixels:
    """(rows, columns): 1 on the outermost pixels of what is 1, those on the photo's frame included."""
    inner = cv2.erode(mask, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
    return mask - _pixels(inner)


def _pixels(image: object) -> Pixels:
    """What OpenCV's types do not say."""
    assert isinstance(image, np.ndarray)
    return image.astype(np.uint8, copy=False)
