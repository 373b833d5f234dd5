"""Calibration: whether a student's probabilities match how often it is right, over pixels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.evaluation.bootstrap import Interval, intervals
from training.student.arrays import Floats
from training.student.metrics import IGNORED
from training.student.postprocess import Mask

_BINS = 15
_AT_ONCE = 1 << 20
"""Logits whose probabilities are held in memory together."""


class Bin(NamedTuple):
    """Pixels with about the same probability."""

    confidence: float
    """Mean probability."""
    share: float
    """Share of them for which the prediction was right."""
    pixels: int


class Calibration:
    """Accumulates a few sums for each photo, never its pixels.

    For one class the probability is that of the foreground, the share that of pixels that are; for several it is that
    of the class that the mask shows, the share that of pixels where the reference shows it too.
    """

    def __init__(self) -> None:
        """Without photos."""
        self._sums: list[NDArray[np.float64]] = []

    def add(self, upsampled: Floats, reference: Mask) -> None:
        """Add a photo: (channels, H, W) logits, and (H, W) class indices of its teacher mask."""
        sums = np.zeros((_BINS, 3))
        channels, rows, columns = upsampled.shape
        step = max(1, _AT_ONCE // (channels * columns))
        for start in range(0, rows, step):
            logits, there = upsampled[:, start : start + step], reference[start : start + step]
            judged = there != IGNORED
            if channels == 1:
                confidence, right = 0.5 + 0.5 * np.tanh(0.5 * logits[0]), there == 1
            else:
                # The largest softmax probability: 1 / Σ exp(logit − largest logit).
                confidence = 1 / np.exp(logits - logits.max(axis=0)).sum(axis=0)
                right = logits.argmax(axis=0) == there
            sure, right = confidence[judged].astype(np.float64), right[judged]
            place = np.minimum((sure * _BINS).astype(np.intp), _BINS - 1)
            for column, weights in enumerate((None, sure, right)):
                sums[:, column] += np.bincount(place, weights, _BINS)
        self._sums.append(sums)

    def bins(self) -> list[Bin]:
        """Bins by rising probability; those without pixels are left out."""
        total = np.sum(self._sums, axis=0)
        return [Bin(sure / count, right / count, int(count)) for count, sure, right in total if count]

    def error(self) -> Interval:
        """Expected calibration error: |confidence − share|, averaged over pixels by bins (Naeini et al., 2015)."""
        sums = np.stack(self._sums)

        def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            total = np.tensordot(weights, sums, 1)
            pixels = total[:, 0].sum()
            return np.array([np.abs(total[:, 1] - total[:, 2]).sum() / pixels if pixels else np.nan])

        return intervals(statistic, len(self._sums))[0]
