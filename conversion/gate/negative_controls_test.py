from pathlib import Path

import numpy as np
import pytest

from conversion.gate.negative_controls import CONTROLS, find_resembled_mistakes
from conversion.gate.parity import find_control_breaches, run_controls
from conversion.gate.predictions import Photo, evaluate_masks
from training.student.contract import Contract

CONTRACT = Contract(32, 32, 4, ("thing",))
RNG = np.random.default_rng(0)
PHOTOS = [
    Photo("noise", Path(), RNG.integers(0, 256, (32, 32, 3), np.uint8), np.zeros((32, 32), np.uint8)) for _ in range(3)
]


def _runner(image):
    """Hardly minds which colour is which, as students of people do; decided everywhere."""
    weights = np.array([1, 1, 1.002], np.float32)
    return 5 + (image[::4, ::4].astype(np.float32) @ weights / 200)[None]


def _noisy(runner, by):
    return lambda image: runner(image) + RNG.normal(size=(1, 8, 8)).astype(np.float32) * by


@pytest.mark.parametrize("control", CONTROLS)
def test_a_candidate_with_a_mistake_resembles_it_and_an_honest_one_of_equal_noise_does_not(control):
    reference, mistakes = evaluate_masks(_runner, PHOTOS, CONTRACT), run_controls(_runner, PHOTOS, CONTRACT)

    honest = evaluate_masks(_noisy(_runner, 1e-4), PHOTOS, CONTRACT)
    wrong = evaluate_masks(CONTROLS[control](_noisy(_runner, 1e-4)), PHOTOS, CONTRACT)

    assert find_resembled_mistakes(reference=reference, candidate=honest, mistakes=mistakes) == []
    assert any(
        control.replace("_", " ") in text
        for text in find_resembled_mistakes(reference=reference, candidate=wrong, mistakes=mistakes)
    )


def test_nan_resembles_every_mistake():
    reference, mistakes = evaluate_masks(_runner, PHOTOS, CONTRACT), run_controls(_runner, PHOTOS, CONTRACT)

    broken = evaluate_masks(lambda image: _runner(image) * np.float32(np.nan), PHOTOS, CONTRACT)

    assert len(find_resembled_mistakes(reference=reference, candidate=broken, mistakes=mistakes)) == len(CONTROLS)


def test_a_mistake_too_small_for_a_loose_budget_is_noticed_all_the_same():
    reference, mistakes = evaluate_masks(_runner, PHOTOS, CONTRACT), run_controls(_runner, PHOTOS, CONTRACT)

    assert find_control_breaches(reference, mistakes, CONTRACT, {"psnr": 30, "flips": 0.01})["bgr"] == []
    assert find_resembled_mistakes(reference=reference, candidate=mistakes["bgr"], mistakes=mistakes) == [
        "nearer to its reference's logits of bgr photos"
    ]


def test_a_mistake_that_changes_nothing_goes_unnoticed():
    reference = evaluate_masks(_runner, PHOTOS, CONTRACT)

    assert find_control_breaches(reference, {"nothing": reference}, CONTRACT, {"psnr": 30}) == {"nothing": []}
    assert find_resembled_mistakes(reference=reference, candidate=reference, mistakes={"nothing": reference}) == []
