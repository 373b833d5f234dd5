"""How alike two masks are."""

import math

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


def iou(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(classes,) intersection over union from a confusion matrix; NaN where a class is in neither mask."""
    hit = np.diag(counts).astype(np.float64)
    union = counts.sum(axis=0) + counts.sum(axis=1) - hit
    return np.divide(hit, union, out=np.full_like(hit, np.nan), where=union > 0)


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


def _inner_border(mask: NDArray[np.bool_], distance: int) -> NDArray[np.bool_]:
    """What of a mask lies within that many steps, diagonal ones included, of a pixel outside it."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_C, 3)[1:-1, 1:-1]
    return mask & (np.asarray(depth) <= distance)
