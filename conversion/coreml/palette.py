"""A palette of a weight: few values that stand for many, chosen by k-means in one dimension (Lloyd 1982).

In one dimension clusters are intervals of the sorted weights, so a step is a search and a difference of running
sums: no library is needed, and nothing is random.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_STEPS = 300


def palette(weight: NDArray[np.floating[Any]], size: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """`size` ascending values, and for each weight in row-major order the index of the nearest.

    Starts half-way between evenly spaced values and evenly filled clusters: the one serves the rare large weights,
    the other the many small ones.
    """
    weights = np.asarray(weight, np.float64).reshape(-1)
    ordered = np.sort(weights)
    sums = np.concatenate([[0], np.cumsum(ordered)])
    even = np.linspace(ordered[0], ordered[-1], size)
    filled = ordered[((np.arange(size) + 0.5) / size * len(ordered)).astype(int)]
    values = (even + filled) / 2
    for _ in range(_MOST_STEPS):
        borders = np.concatenate([[0], np.searchsorted(ordered, _middles(values)), [len(ordered)]])
        counts = np.diff(borders)
        means = np.where(counts > 0, np.diff(sums[borders]) / np.maximum(counts, 1), values)
        if np.array_equal(means, values):
            break
        values = means
    return values, np.searchsorted(_middles(values), weights).astype(np.uint8)


def _middles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return (values[1:] + values[:-1]) / 2
