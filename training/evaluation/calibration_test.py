import numpy as np
import pytest

from training.evaluation import calibration
from training.evaluation.calibration import Calibration
from training.student.metrics import IGNORED


def logit(probability):
    return np.log(probability / (1 - probability)).astype(np.float32)


def photo(seed=0, side=200):
    """Probabilities, and a mask that is so exactly as often as they say."""
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.02, 0.98, (side, side))
    return logit(probability)[None], (rng.random((side, side)) < probability).astype(np.uint8)


def test_a_student_that_is_right_as_often_as_it_is_sure_has_hardly_an_error():
    logits, mask = photo()
    found = Calibration()

    found.add(logits, mask)

    assert found.error().value < 0.01
    assert all(abs(each.confidence - each.share) < 0.04 for each in found.bins())
    assert sum(each.pixels for each in found.bins()) == mask.size


def test_the_error_is_by_how_much_it_is_surer_than_right():
    mask = np.zeros((10, 10), np.uint8)
    mask[:6] = 1
    found = Calibration()

    found.add(np.full((1, 10, 10), logit(np.float64(0.9))), mask)

    assert found.error().value == pytest.approx(0.3, abs=1e-6)
    assert found.bins() == [(pytest.approx(0.9), pytest.approx(0.6), 100)]


def test_of_several_classes_the_surest_counts_and_whether_it_is_right():
    logits = np.log(np.array([0.7, 0.2, 0.1], np.float32)).reshape(3, 1, 1) * np.ones((1, 10, 10), np.float32)
    mask = np.zeros((10, 10), np.uint8)
    mask[:5] = 2
    mask[9] = IGNORED
    found = Calibration()

    found.add(logits, mask)

    assert found.bins() == [(pytest.approx(0.7), pytest.approx(40 / 90), 90)]


def test_large_photos_are_looked_at_piece_by_piece_with_the_same_result(monkeypatch):
    logits, mask = photo(side=64)
    whole, pieces = Calibration(), Calibration()
    whole.add(logits, mask)

    monkeypatch.setattr(calibration, "_AT_ONCE", 7 * 64)
    pieces.add(logits, mask)

    assert pieces.bins() == [tuple(map(pytest.approx, each)) for each in whole.bins()]


def test_a_photo_that_nobody_judged_says_nothing():
    found = Calibration()

    found.add(np.zeros((2, 4, 4), np.float32), np.full((4, 4), IGNORED, np.uint8))

    assert found.bins() == []
    assert np.isnan(found.error().value)
