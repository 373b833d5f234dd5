from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.postprocess import ellipse, opened, postprocess, upsample

BINARY = Contract(32, 48, 4, ("coin",))
STREET = Contract(32, 48, 4, ("sky", "road", "tree"))


def logits(contract, seed=0):
    return np.random.default_rng(seed).normal(size=contract.logits_shape).astype(np.float32) * 4


masks = st.tuples(st.integers(1, 24), st.integers(1, 24), st.integers(0, 2**32)).map(
    lambda drawn: (np.random.default_rng(drawn[2]).random(drawn[:2]) < 0.8).astype(np.uint8)
)
odd = st.sampled_from([3, 5, 7, 9])


@pytest.mark.parametrize("size", [(32, 48), (77, 101), (5, 3), (1, 1)])
def test_torch_agrees_where_it_is_sure(size):
    for contract in (BINARY, STREET):
        drawn = logits(contract)
        theirs = torch.nn.functional.interpolate(torch.from_numpy(drawn)[None], size=size, mode="bilinear")[0].numpy()

        mask = postprocess(drawn, contract, *size)

        assert mask.shape == size
        assert mask.dtype == np.uint8
        np.testing.assert_allclose(upsample(drawn, *size), theirs, atol=1e-4)
        ordered = np.sort(theirs, axis=0)
        sure = np.abs(theirs[0]) > 1e-3 if contract.is_binary else ordered[-1] - ordered[-2] > 1e-3
        expected = theirs[0] > 0 if contract.is_binary else theirs.argmax(axis=0)
        assert np.array_equal(mask[sure], expected[sure])


@pytest.mark.parametrize("contract", [BINARY, STREET], ids=["binary", "several classes"])
def test_a_mirrored_student_draws_a_mirrored_mask(contract):
    drawn = logits(contract)

    mirrored = postprocess(drawn[..., ::-1], contract, 96, 144)

    assert np.mean(mirrored != postprocess(drawn, contract, 96, 144)[:, ::-1]) < 1e-3


def test_a_higher_threshold_only_takes_away():
    drawn = logits(BINARY)
    areas = [postprocess(drawn, Contract(32, 48, 4, ("coin",), at), 64, 64) for at in (-99.0, -2.0, 0.0, 2.0, 99.0)]

    assert areas[0].all()
    assert not areas[-1].any()
    assert all((more >= fewer).all() for more, fewer in pairwise(areas))


def test_at_the_threshold_is_not_above_it():
    contract = Contract(8, 8, 4, ("coin",), threshold=0.3)

    assert not postprocess(np.full((1, 2, 2), 0.3, np.float32), contract, 5, 5).any()


def test_the_first_of_equal_classes_wins():
    assert not postprocess(np.zeros(STREET.logits_shape, np.float32), STREET, 9, 9).any()


def test_nan_is_nowhere_foreground():
    assert not postprocess(np.full(BINARY.logits_shape, np.nan, np.float32), BINARY, 9, 9).any()


@pytest.mark.parametrize("wrong", [(8, 12), (1, 12, 8), (3, 8, 12), (1, 1, 8, 12), (1, 32, 48)])
def test_logits_of_another_shape_are_refused_with_both_shapes(wrong):
    with pytest.raises(BadInput, match=r"logits have shape .*, the contract says \(1, 8, 12\)"):
        postprocess(np.zeros(wrong, np.float32), BINARY, 9, 9)


def test_opening_removes_specks_and_keeps_discs():
    mask = np.zeros((64, 64), np.uint8)
    cv2.circle(mask, (30, 30), 15, 1, -1)
    speckled = mask.copy()
    speckled[::20, ::20] = 1

    assert np.array_equal(opened(speckled, 5)[12:50, 12:50], opened(mask, 5)[12:50, 12:50])
    assert opened(speckled, 5).sum() <= mask.sum()
    assert opened(mask, 5).sum() > 0.98 * mask.sum()


@settings(deadline=None)
@given(masks, odd)
def test_opening_twice_is_opening_once_and_adds_nothing(mask, side):
    once = opened(mask, side)

    assert (once <= mask).all()
    assert np.array_equal(opened(once, side), once)


@settings(deadline=None)
@given(st.integers(1, 24), st.integers(1, 24), odd)
def test_the_frame_erodes_nothing(rows, columns, side):
    full = np.ones((rows, columns), np.uint8)

    assert np.array_equal(opened(full, side), full)


def test_the_contract_asks_for_the_opening():
    drawn = logits(BINARY)
    plain = postprocess(drawn, BINARY, 64, 64)

    for side in (0, 1):
        assert np.array_equal(postprocess(drawn, Contract(32, 48, 4, ("coin",), open=side), 64, 64), plain)
    assert np.array_equal(postprocess(drawn, Contract(32, 48, 4, ("coin",), open=7), 64, 64), opened(plain, 7))


@pytest.mark.parametrize(
    ("side", "spans"), [(1, [0]), (3, [0, 1, 0]), (5, [0, 2, 2, 2, 0]), (7, [0, 2, 3, 3, 3, 2, 0])]
)
def test_the_ellipse_is_the_one_that_the_apps_draw(side, spans):
    radius = side // 2
    rows = [[int(abs(column - radius) <= span) for column in range(side)] for span in spans]

    assert ellipse(side).tolist() == rows
