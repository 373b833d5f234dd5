"""How alike two masks are."""

import numpy as np
from numpy.typing import NDArray

IGNORED = 255
"""In a multi-class teacher mask: a pixel that nobody judged."""


def confusion(*, reference: NDArray[np.uint8], candidate: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    """(classes, classes) pixel counts: rows by the reference's class, columns by the candidate's."""
    judged = reference != IGNORED
    cells = reference[judged].astype(np.int64) * classes + candidate[judged]
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
