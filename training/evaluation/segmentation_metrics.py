"""Metrics of masks against reference masks: of each photo, of all photos, and of each class."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluation.bootstrap import Interval, intervals
from training.student.metrics import PHOTO_MEASURES, RATIOS, confusion, overlap, photo_tolerant_iou
from training.student.postprocess import Mask

MEASURES: Mapping[str, str] = {
    "iou": "IoU, mean over photos",
    "dice": "Dice, mean over photos",
    "boundary_iou": "boundary IoU, mean over photos",
    "tolerant_iou": "IoU, borders forgiven, mean",
    "dataset_iou": "IoU of all pixels together",
    "dataset_dice": "Dice of all pixels together",
    "precision": "precision of all pixels together",
    "recall": "recall of all pixels together",
}
"""Those of all photos, by name, in words. Of several classes, those of all pixels are means over classes."""

_BY_PHOTO = {**PHOTO_MEASURES, "tolerant_iou": photo_tolerant_iou}


@dataclass(frozen=True, slots=True)
class PhotoScores:
    """One photo. Of several classes, means over those that it shows; NaN where there is nothing to measure."""

    photo: str
    iou: float
    dice: float
    boundary_iou: float
    tolerant_iou: float
    """IoU if what is wrong within two pixels of the reference's border, of 640 on the longer side, were right."""
    precision: float
    recall: float


class SegmentationMetrics:
    """Accumulates a few numbers for each photo, never its masks."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        """For masks of these classes."""
        self.classes = classes
        self._shown = slice(1, None) if len(classes) == 1 else slice(None)
        self._values = max(2, len(classes))
        self.rows: list[PhotoScores] = []
        self._areas: list[NDArray[np.int64]] = []
        self.confusion = np.zeros((self._values, self._values), np.int64)
        """Pixels of all photos: rows by the reference's class, columns by the candidate's; binary: background first."""

    def add(self, name: str, *, reference: Mask, candidate: Mask) -> PhotoScores:
        """Add a photo: (H, W) class indices each; pixels where the reference is 255 do not count."""
        counts = confusion(reference=reference, candidate=candidate, classes=self._values)
        areas = overlap(counts)[self._shown]
        measured = {
            key: measure(reference=reference, candidate=candidate, classes=len(self.classes))
            for key, measure in _BY_PHOTO.items()
        }
        row = PhotoScores(name, **measured, **{key: _mean(RATIOS[key](areas)) for key in ("precision", "recall")})
        self.rows.append(row)
        self._areas.append(areas)
        self.confusion += counts
        return row

    def measures(self) -> dict[str, Interval]:
        """By the names of `MEASURES`."""
        by_photo = np.array([[getattr(row, name) for name in _BY_PHOTO] for row in self.rows])
        areas = np.stack(self._areas)

        def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            total = np.tensordot(weights, areas, 1)
            pooled = [_mean(RATIOS[name](total)) for name in ("iou", "dice", "precision", "recall")]
            return np.array([*(weights @ by_photo / weights.sum()), *pooled])

        return dict(zip(MEASURES, intervals(statistic, len(self.rows)), strict=True))

    def by_class(self) -> dict[str, dict[str, Interval]]:
        """By class and name of `metrics.RATIOS`: of all photos' pixels together."""
        areas = np.stack(self._areas)

        def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            total = np.tensordot(weights, areas, 1)
            return np.stack([ratio(total) for ratio in RATIOS.values()], axis=-1).reshape(-1)

        found = iter(intervals(statistic, len(self.rows)))
        return {name: {key: next(found) for key in RATIOS} for name in self.classes}

    def headline(self, weights: NDArray[np.float64]) -> float:
        """The one figure that students are compared by: mean IoU over photos of one class, over classes of several."""
        if len(self.classes) == 1:
            return float(weights @ np.array([row.iou for row in self.rows]) / weights.sum())
        return _mean(RATIOS["iou"](np.tensordot(weights, np.stack(self._areas), 1)))


def _mean(values: NDArray[np.float64]) -> float:
    """Mean without NaN; NaN if all are."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
