"""How alike two masks are."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

IGNORED = 255
"""In a teacher mask: a pixel that nobody judged."""


def confusion(*, reference: NDArray[np.uint8], candidate: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    """(classes, classes) pixel counts: rows by the reference's class, columns by the candidate's.

    What a candidate leaves open counts as class 0, as in a binary mask.
    """
    judged = reference != IGNORED
    found = candidate[judged]
    found[found == IGNORED] = 0
    cells = reference[judged].astype(np.int64) * classes + found
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def overlap(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """(classes, 3) from a confusion matrix: pixels of each class in both masks, in the reference, in the candidate."""
    return np.stack([np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)], axis=-1)


def iou(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(classes,) intersection over union from a confusion matrix; NaN where a class is in neither mask."""
    return RATIOS["iou"](overlap(counts))


def _ratio(top: NDArray[Any], bottom: NDArray[Any], areas: NDArray[Any]) -> NDArray[np.float64]:
    # A class that a candidate never says, or that is not there, has no precision or recall to speak of, but is wrong.
    found = np.where(areas[..., 1:].any(axis=-1), 0.0, np.nan)
    return np.divide(top, bottom, out=found, where=bottom > 0)


RATIOS: Mapping[str, Callable[[NDArray[Any]], NDArray[np.float64]]] = MappingProxyType(
    {
        "iou": lambda areas: _ratio(areas[..., 0], areas[..., 1] + areas[..., 2] - areas[..., 0], areas),
        "dice": lambda areas: _ratio(2 * areas[..., 0], areas[..., 1] + areas[..., 2], areas),
        "precision": lambda areas: _ratio(areas[..., 0], areas[..., 2], areas),
        "recall": lambda areas: _ratio(areas[..., 0], areas[..., 1], areas),
    }
)
"""(..., 3) areas, as of `overlap`, to (...); NaN where a class is in neither mask."""


def foreground_iou(*, reference: NDArray[np.uint8], candidate: NDArray[np.uint8]) -> float:
    """IoU of the pixels that are 1; two masks without any agree, which is 1."""
    judged = reference != IGNORED
    one, other = (reference == 1) & judged, (candidate == 1) & judged
    union = int((one | other).sum())
    return float((one & other).sum()) / union if union else 1.0


def photo_iou(*, reference: NDArray[np.uint8], candidate: NDArray[np.uint8], classes: int) -> float:
    """Of one photo: of the foreground for one class, the mean over the classes present for several.

    Where nothing was judged nothing is wrong, which is 1.
    """
    if classes == 1:
        return foreground_iou(reference=reference, candidate=candidate)
    by_class = iou(confusion(reference=reference, candidate=candidate, classes=classes))
    return 1.0 if np.isnan(by_class).all() else float(np.nanmean(by_class))


def photo_dice(*, reference: NDArray[np.uint8], candidate: NDArray[np.uint8], classes: int) -> float:
    """Likewise, by dice, twice the intersection over the sum of both areas: 2 · IoU / (1 + IoU), class by class."""
    if classes == 1:
        return _dice(foreground_iou(reference=reference, candidate=candidate))
    by_class = iou(confusion(reference=reference, candidate=candidate, classes=classes))
    return 1.0 if np.isnan(by_class).all() else float(np.nanmean([_dice(each) for each in by_class]))


def _dice(iou: float) -> float:
    return 2 * iou / (1 + iou)


def photo_boundary_iou(
    *, reference: NDArray[np.uint8], candidate: NDArray[np.uint8], classes: int, share: float = 0.02
) -> float:
    """Likewise, of the inner borders alone: what a mask has within a distance of its outline, the frame included.

    Cheng et al., Boundary IoU: Improving Object-Centric Image Segmentation Evaluation (2021), whose distance counts
    diagonal steps as one.

    Args:
        reference: (rows, columns) of class indices.
        candidate: (rows, columns) likewise.
        classes: 1 for binary masks.
        share: The distance as a share of the photo's diagonal; the paper's, for photos such as COCO's.
    """
    judged = reference != IGNORED
    distance = max(1, round(share * math.hypot(*reference.shape)))
    found = []
    for index in [1] if classes == 1 else range(classes):
        bands = [_inner_border((mask == index) & judged, distance) for mask in (reference, candidate)]
        if union := int((bands[0] | bands[1]).sum()):
            found.append(float((bands[0] & bands[1]).sum()) / union)
    return float(np.mean(found)) if found else 1.0


def photo_tolerant_iou(
    *, reference: NDArray[np.uint8], candidate: NDArray[np.uint8], classes: int, share: float = 1 / 320
) -> float:
    """`photo_iou` where what is wrong along the reference's borders is forgiven: hands and teachers waver there, too.

    Far above `photo_iou`, a student that finds the right things has borders, or masks, that are a little off.

    Args:
        reference: (rows, columns) of class indices.
        candidate: (rows, columns) likewise.
        classes: 1 for binary masks.
        share: How near a pixel lies to the border, as a share of the photo's longer side: two pixels of 640.
    """
    judged = reference != IGNORED
    distance = max(1.0, share * max(reference.shape))
    found = []
    for index in [1] if classes == 1 else range(classes):
        one, other = ((mask == index) & judged for mask in (reference, candidate))
        rest = judged & ~one
        if union := int((one | other).sum()):
            near = (one & _is_near(rest, distance)) | (rest & _is_near(one, distance))
            found.append(1 - int(((one ^ other) & ~near).sum()) / union)
    return float(np.mean(found)) if found else 1.0


def _is_near(mask: NDArray[np.bool_], distance: float) -> NDArray[np.bool_]:
    """Whether a pixel's centre lies at most that far from one of the mask."""
    if not mask.any():
        return mask
    return np.asarray(cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, 5)) <= distance


def _inner_border(mask: NDArray[np.bool_], distance: int) -> NDArray[np.bool_]:
    """What of a mask lies within that many steps, diagonal ones included, of a pixel outside it."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_C, 3)[1:-1, 1:-1]
    return mask & (np.asarray(depth) <= distance)


class PhotoMeasure(Protocol):
    """How alike two masks of one photo are, 0 to 1."""

    def __call__(self, *, reference: NDArray[np.uint8], candidate: NDArray[np.uint8], classes: int) -> float:
        """Of (rows, columns) class indices; `classes` is 1 for binary masks."""


PHOTO_MEASURES: Mapping[str, PhotoMeasure] = MappingProxyType(
    {"iou": photo_iou, "dice": photo_dice, "boundary_iou": photo_boundary_iou}
)
"""By name, as tables and files have them."""
