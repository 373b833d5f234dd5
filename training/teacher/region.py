"""A mask that stores only its bounding box, since a photo may have a hundred masks."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]
Box = tuple[float, float, float, float]
"""left, top, right, bottom, in pixels; edges, not centres."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A set of pixels of a photo, as a boolean mask within a window."""

    left: int
    """First column of the window."""
    top: int
    """First row of the window."""
    bits: Bits
    """(rows, columns) of the window. After `from_mask` it is the bounding box; an empty mask has 0 × 0."""

    @classmethod
    def from_mask(cls, bits: Bits, *, left: int = 0, top: int = 0) -> "Region":
        """The region of a mask whose top left pixel is at (`left`, `top`)."""
        rows, columns = np.flatnonzero(bits.any(axis=1)), np.flatnonzero(bits.any(axis=0))
        if not len(rows):
            return cls(left, top, np.zeros((0, 0), bool))
        tight = bits[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return cls(left + int(columns[0]), top + int(rows[0]), np.ascontiguousarray(tight))

    @property
    def area(self) -> int:
        """In pixels."""
        return int(self.bits.sum())

    @property
    def box(self) -> Box:
        """The edges of the window."""
        rows, columns = self.bits.shape
        return float(self.left), float(self.top), float(self.left + columns), float(self.top + rows)

    def paint(self, canvas: NDArray[np.uint8], value: int) -> None:
        """Set its pixels of `canvas` (rows, columns) to that value."""
        rows, columns = self.bits.shape
        canvas[self.top : self.top + rows, self.left : self.left + columns][self.bits] = value


def clean_region(region: Region, *, fragment: float, hole: float) -> Region:
    """Remove small components and fill small holes.

    Large holes are kept: the inside of a ring is not part of it. Components are 8-connected and holes 4-connected, so
    that a diagonal line neither falls apart nor leaks.

    Args:
        region: What to clean.
        fragment: Components smaller than this share of the region's area are removed; the largest is always kept.
        hole: Holes smaller than this share of the remaining area are filled.
    """
    if not region.area:
        return region
    bits = np.pad(region.bits, 1).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(bits, connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].astype(float)
    areas[0] = 0
    kept = areas >= min(fragment * areas.sum(), areas.max())
    kept[0] = False
    bits = kept[labels].astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(1 - bits, connectivity=4)
    filled = stats[:, cv2.CC_STAT_AREA] < hole * bits.sum()
    # Label 0 is the region itself. The padding joins everything outside into one component, the one at the corner.
    filled[[0, labels[0, 0]]] = False
    return Region.from_mask((bits > 0) | filled[labels], left=region.left - 1, top=region.top - 1)


def connected_components(region: Region) -> list[Region]:
    """The 8-connected components, largest first."""
    if not region.area:  # OpenCV crashes on an empty image.
        return []
    _, labels, stats, _ = cv2.connectedComponentsWithStats(region.bits.astype(np.uint8), connectivity=8)
    order = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")
    return [Region.from_mask(labels == one, left=region.left, top=region.top) for one in order]


def box_iou(boxes: NDArray[np.float32], box: NDArray[np.float32] | Box) -> NDArray[np.float64]:
    """(N,) intersection over union of (N, 4) boxes with one; 0 where both are empty."""
    lefts, tops, rights, bottoms = np.asarray(boxes, np.float64).reshape(-1, 4).T
    left, top, right, bottom = np.asarray(box, np.float64)
    across = (np.minimum(rights, right) - np.maximum(lefts, left)).clip(min=0)
    down = (np.minimum(bottoms, bottom) - np.maximum(tops, top)).clip(min=0)
    common = across * down
    union = (rights - lefts) * (bottoms - tops) + (right - left) * (bottom - top) - common
    return np.divide(common, union, out=np.zeros(len(lefts)), where=union > 0)
