"""Histograms as bars that a page can draw."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

_MOST = 24
"""Largest number of bars, so that they fit a phone's screen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One range of values."""

    words: str
    """The range, in words."""
    count: int
    height: float
    """0 to 1, relative to the highest bar."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """One histogram."""

    title: str
    bars: tuple[Bar, ...]
    """From the smallest values to the largest."""
    summary: str
    """The histogram in a sentence."""
    least: str
    largest: str


def make_histogram(
    title: str, values: Sequence[float], say: Callable[[float], str], within: tuple[float, float] | None = None
) -> Histogram | None:
    """Make a histogram; None if there are no values, and without bars if all values are equal.

    Args:
        title: Title of the histogram.
        values: Finite, in any order.
        say: Formats a value, with its unit.
        within: Range of the bars; None: from the smallest to the largest value.
    """
    if not values:
        return None
    found = np.asarray(values, np.float64)
    low, high = within or (float(found.min()), float(found.max()))
    if low == high:
        return Histogram(title, (), f"all {len(found)}: {say(low)}", say(low), say(high))
    # A small range of whole numbers gets one bar per number.
    whole = within is None and high - low < _MOST and bool((found == found.round()).all())
    edges = np.arange(low - 0.5, high + 1) if whole else np.linspace(low, high, _MOST + 1)
    counts = np.histogram(found, edges)[0].tolist()
    bars = tuple(
        Bar(say(round((start + end) / 2)) if whole else f"{say(start)} to {say(end)}", count, count / max(counts))
        for count, start, end in zip(counts, edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    )
    least, middle, largest = (say(float(value)) for value in np.quantile(found, (0, 0.5, 1)))
    summary = f"{len(found)} values, median {middle}, from {least} to {largest}"
    return Histogram(title, bars, summary, say(low), say(high))
