"""Bootstrap confidence intervals of figures over photos."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 1000

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From (photos,), how often each photo counts, to (figures,)."""


class Interval(NamedTuple):
    """A figure and its 95 % confidence interval; NaN where there was nothing to measure."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Such as: 0.9464  (0.9410 to 0.9507)."""
        return f"{self.value:.4f}  ({self.low:.4f} to {self.high:.4f})" if self.value == self.value else "none"


def intervals(statistic: Statistic, photos: int, seed: int = 0) -> list[Interval]:
    """Each figure of a statistic with its percentile interval (Efron, 1979).

    Photos are resampled independently: where many show one scene, the true interval is wider.

    Args:
        statistic: Gives all figures at once.
        photos: Number of photos.
        seed: Of the resampling.
    """
    rng = np.random.default_rng(seed)
    drawn = [
        statistic(np.bincount(rng.integers(photos, size=photos), minlength=photos).astype(np.float64))
        for _ in range(_ROUNDS)
    ]
    figures = np.stack([statistic(np.ones(photos)), *drawn])
    found = []
    for column in figures.T:
        known = column[1:][~np.isnan(column[1:])]
        low, high = np.quantile(known, (0.025, 0.975)) if len(known) else (np.nan, np.nan)
        found.append(Interval(float(column[0]), float(low), float(high)))
    return found
