import numpy as np
import pytest

from training.evaluation.bootstrap import intervals


def mean_of(values):
    return lambda weights: np.array([weights @ values / weights.sum()])


def test_what_is_alike_in_all_photos_is_certain():
    (found,) = intervals(mean_of(np.full(20, 0.75)), 20)

    assert found == pytest.approx((0.75, 0.75, 0.75))


def test_the_interval_of_a_mean_is_that_of_its_standard_error():
    values = np.random.default_rng(0).normal(0.9, 0.05, 400)

    (found,) = intervals(mean_of(values), 400)

    width = 1.96 * values.std() / np.sqrt(400)
    assert found.value == pytest.approx(values.mean())
    assert (found.value - found.low, found.high - found.value) == pytest.approx((width, width), rel=0.1)


def test_equal_seeds_draw_the_same_photos_and_figures_share_them():
    values = np.random.default_rng(0).random(30)
    twice = intervals(lambda weights: np.repeat(mean_of(values)(weights), 2), 30)

    assert twice[0] == twice[1] == intervals(mean_of(values), 30)[0]
    assert intervals(mean_of(values), 30, seed=1)[0] != twice[0]


def test_of_nothing_there_is_no_figure():
    (found,) = intervals(lambda weights: np.array([np.nan]), 3)

    assert np.isnan(found).all()
    assert str(found) == "none"
