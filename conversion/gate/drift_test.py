import math
from dataclasses import replace

import numpy as np
import pytest

from conversion.gate.drift import breaches, measure, read_budgets
from conversion.gate.predictions import Prediction
from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.postprocess import postprocess

CONTRACT = Contract(32, 64, 4, ("thing",))
RNG = np.random.default_rng(0)


def _prediction(logits, teacher_iou=0.9):
    return Prediction(logits, postprocess(logits, CONTRACT, 50, 40), teacher_iou)


@pytest.fixture
def reference():
    return [_prediction(RNG.normal(size=(1, 8, 16)).astype(np.float32) * 5) for _ in range(3)]


def _shifted(reference, by):
    return [_prediction(one.logits + np.float32(by)) for one in reference]


def test_nothing_drifts_from_itself(reference):
    drift = measure(reference=reference, candidate=reference, contract=CONTRACT)

    assert (drift.max_error, drift.rms, drift.flips, drift.decided_flips, drift.iou) == (0, 0, 0, 0, 1)
    assert drift.psnr == math.inf
    assert not any(breaches(drift, budget) for budget in read_budgets()[0].values())


def test_a_constant_shift_is_its_own_error_and_rms(reference):
    drift = measure(reference=reference, candidate=_shifted(reference, 0.5), contract=CONTRACT)
    span = max(one.logits.max() for one in reference) - min(one.logits.min() for one in reference)

    assert drift.max_error == pytest.approx(0.5, rel=1e-5)
    assert drift.rms == pytest.approx(0.5, rel=1e-5)
    assert drift.relative_error == pytest.approx(0.5 / span, rel=1e-5)
    assert drift.psnr == pytest.approx(20 * math.log10(span / 0.5), rel=1e-5)


def test_the_worst_photo_decides_the_psnr(reference):
    candidate = [reference[0], reference[1], *_shifted(reference[2:], 0.5)]

    every = measure(reference=reference, candidate=_shifted(reference, 0.5), contract=CONTRACT)
    one = measure(reference=reference, candidate=candidate, contract=CONTRACT)

    assert one.psnr == pytest.approx(every.psnr)
    assert one.rms < every.rms


def test_only_flips_of_pixels_that_were_decided_count_as_decided(reference):
    near = [_prediction(np.full((1, 8, 16), 5e-4, np.float32))]
    far = [_prediction(np.full((1, 8, 16), 5e-3, np.float32))]
    below = [_prediction(np.full((1, 8, 16), -1e-4, np.float32))]

    undecided = measure(reference=near, candidate=below, contract=CONTRACT)
    decided = measure(reference=far, candidate=below, contract=CONTRACT)

    assert undecided.flips == decided.flips == 1
    assert (undecided.decided_flips, decided.decided_flips) == (0, 50 * 40)


def test_a_fall_of_teacher_iou_is_positive_and_a_rise_is_no_breach(reference):
    worse = [replace(one, teacher_iou=0.9 - 0.01 * i) for i, one in enumerate(reference)]

    fell = measure(reference=reference, candidate=worse, contract=CONTRACT)
    rose = measure(reference=worse, candidate=reference, contract=CONTRACT)

    assert fell.iou_change == pytest.approx(0.01)
    assert fell.worst_change == pytest.approx(0.02)
    assert breaches(fell, {"iou_change": 0.002}) == ["iou_change 0.01 exceeds 0.002"]
    assert not breaches(rose, {"iou_change": 0.002})


def test_a_missing_photo_is_an_error_and_no_comparison(reference):
    with pytest.raises(ValueError, match="shorter"):
        measure(reference=reference, candidate=reference[:2], contract=CONTRACT)


def test_a_breach_says_both_numbers(reference):
    drift = measure(reference=reference, candidate=_shifted(reference, 3), contract=CONTRACT)

    assert any("psnr" in text and "is below 50" in text for text in breaches(drift, {"psnr": 50}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budgets: {a: {speed: 1}}\nhops: []", "limits \\['speed'\\]"),
        ("budgets: {}\nhops: [{reference: torch, candidate: onnx, budget: fp8}]", "'fp8'"),
    ],
)
def test_a_budget_that_means_nothing_is_refused(tmp_path, text, message):
    path = tmp_path / "budgets.yaml"
    path.write_text(text)

    with pytest.raises(BadInput, match=message):
        read_budgets(path)
