import math

import numpy as np
import pytest

from training.data.mask_statistics import RobustRange


def test_what_is_usual_is_not_moved_by_a_third_that_is_not():
    clean = RobustRange.of(np.linspace(0.9, 1.1, 60), 0.01)
    spoilt = RobustRange.of([*np.linspace(0.9, 1.1, 60), *[9.0] * 12, *[-9.0] * 12], 0.01)

    assert spoilt.median == pytest.approx(clean.median, abs=0.02)
    assert spoilt.below(-9) > 0.99
    assert clean.below(clean.median - 2.5 * clean.spread_below) == pytest.approx(0.5)
    assert clean.below(2) == clean.above(0) == 0


def test_a_few_counts_among_zeros_are_nothing_odd():
    """Of 60 coin photos most have no specks, and a quarter have a few: their deviation from the median is 0."""
    counts = RobustRange.of([math.log1p(count) for count in [0] * 40 + [2, 3, 4, 5] * 5], 0.25)

    assert counts.above(math.log1p(5)) < 0.1


def test_of_many_classes_one_is_odd_by_chance():
    shares = np.random.default_rng(0).standard_normal((500, 11))
    alone = [RobustRange.of(share, 0.1) for share in shares.T]
    among = [RobustRange.of(share, 0.1, features_compared=11) for share in shares.T]

    doubted = [
        np.mean([max(t.below(v) for t, v in zip(statistics, row, strict=True)) > 0.5 for row in shares])
        for statistics in (alone, among)
    ]

    assert doubted[0] > 0.05
    assert doubted[1] < 0.002


def test_without_others_nothing_is_unusual():
    assert RobustRange.of([], 0.1).below(5) == 0
    assert RobustRange.of([3.0], 0.1).above(3.0) == 0
