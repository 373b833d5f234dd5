"""Segments what differs from the background, assumed to have a colour that changes slowly over the photo."""

import cv2
import numpy as np

from training.student.arrays import Floats, Pixels

_GRID = 48
_FRAME = 0.8
_ROUNDS = 6
_QUADRATIC = [0, 1, 2, 3, 4, 6]
"""Of the nine products of 1, y, y² with 1, x, x², those of degree 2 at most."""
_FINENESS = 2
"""Histogram levels per CIELAB unit, for Otsu's threshold."""


def foreground(photo: Pixels, *, darkness: float, otsu: float, contrast: float) -> Pixels:
    """(rows, columns): 1 where the photo differs from its background.

    Args:
        photo: (rows, columns, 3) RGB.
        darkness: Weight of differences in lightness relative to colour; a shadow differs in lightness alone.
        otsu: Threshold on the difference, as a multiple of Otsu's threshold.
        contrast: Lower bound of that threshold, in CIELAB units; without it, an empty background would be split too.
    """
    apart = cv2.GaussianBlur(background_distance(photo, darkness=darkness), (0, 0), 1.5)
    levels = np.clip(apart * _FINENESS, 0, 255).astype(np.uint8)
    between, _ = cv2.threshold(levels, 0, 1, cv2.THRESH_OTSU)
    return (apart > max(otsu * between / _FINENESS, contrast)).astype(np.uint8)


def background_distance(photo: Pixels, *, darkness: float) -> Floats:
    """(rows, columns): distance from the background colour, in CIELAB units."""
    # 8-bit, since converting floats takes six times as long; OpenCV scales L to 0-255 in this case.
    lab = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB).astype(np.float32)
    apart = lab - _fit_background(lab)
    apart[..., 0] *= darkness * 100 / 255
    return np.sqrt(cv2.transform(apart * apart, np.ones((1, 3), np.float32))).astype(np.float32, copy=False)


def _fit_background(lab: Floats) -> Floats:
    """Fit a quadratic surface to the background of each channel, ignoring objects.

    Iteratively reweighted least squares. It starts at the photo's frame, where objects are rarest.
    """
    small = cv2.resize(lab, (_GRID, _GRID), interpolation=cv2.INTER_AREA).reshape(-1, 3)
    along = _powers(_GRID)
    terms = np.einsum("ri,cj->rcij", along, along).reshape(-1, 9)[:, _QUADRATIC]
    on_frame = np.abs(np.linspace(-1, 1, _GRID)) > _FRAME
    is_frame = np.logical_or.outer(on_frame, on_frame).reshape(-1)
    # If objects cover most of the photo, they agree with one another as well as the background does.
    trust = np.where(is_frame, 1.0, 0.3)
    weights = np.where(is_frame, 1.0, 0.05)
    coefficients = np.zeros((9, 3))
    for _ in range(_ROUNDS):
        weighted = terms * weights[:, None]
        # The ridge term keeps the system solvable for a photo of one colour.
        normal = terms.T @ weighted + 1e-3 * np.eye(len(_QUADRATIC))
        coefficients[_QUADRATIC] = np.linalg.solve(normal, weighted.T @ small)
        apart = np.linalg.norm(small - terms @ coefficients[_QUADRATIC], axis=1)
        trusted = weights >= weights.max() / 2
        spread = 1.4826 * np.median(apart[trusted]) + 1
        weights = trust / (1 + (apart / (1.5 * spread)) ** 2) ** 2
    down, across = _powers(lab.shape[0]), _powers(lab.shape[1])
    by_column = np.einsum("ijk,cj->ick", coefficients.reshape(3, 3, 3).astype(np.float32), across)
    return np.tensordot(down, by_column, 1)


def _powers(length: int) -> Floats:
    """(length, 3): 1, t, t² for t from −1 to 1."""
    return np.linspace(-1, 1, length, dtype=np.float32)[:, None] ** np.arange(3, dtype=np.float32)
