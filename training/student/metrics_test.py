import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.student.metrics import (
    IGNORED,
    confusion,
    foreground_iou,
    iou,
    photo_boundary_iou,
    photo_dice,
    photo_iou,
    photo_tolerant_iou,
)

CLASSES = 3


def maps(values):
    return st.integers(0, 2**32).map(
        lambda seed: np.random.default_rng(seed).choice(np.array(values, np.uint8), (11, 13))
    )


classes, judged, binary = maps([0, 1, 2]), maps([0, 1, 2, IGNORED]), maps([0, 1])


@settings(deadline=None)
@given(judged, classes)
def test_every_judged_pixel_is_counted_once_where_it_belongs(reference, candidate):
    counts = confusion(reference=reference, candidate=candidate, classes=CLASSES)

    assert counts.sum() == (reference != IGNORED).sum()
    for row in range(CLASSES):
        for column in range(CLASSES):
            assert counts[row, column] == ((reference == row) & (candidate == column)).sum()


@settings(deadline=None)
@given(classes, classes)
def test_iou_is_symmetric_and_within_zero_to_one(one, other):
    there = iou(confusion(reference=one, candidate=other, classes=CLASSES))
    back = iou(confusion(reference=other, candidate=one, classes=CLASSES))

    assert np.array_equal(there, back, equal_nan=True)
    assert ((there >= 0) & (there <= 1)).all()


@settings(deadline=None)
@given(judged, classes)
def test_what_the_candidate_says_of_ignored_pixels_changes_nothing(reference, candidate):
    other = np.where(reference == IGNORED, (candidate + 1) % CLASSES, candidate).astype(np.uint8)

    assert np.array_equal(
        confusion(reference=reference, candidate=candidate, classes=CLASSES),
        confusion(reference=reference, candidate=other, classes=CLASSES),
    )


@settings(deadline=None)
@given(judged, judged)
def test_what_the_candidate_leaves_open_counts_as_class_zero(reference, candidate):
    shut = np.where(candidate == IGNORED, 0, candidate).astype(np.uint8)

    assert np.array_equal(
        confusion(reference=reference, candidate=candidate, classes=CLASSES),
        confusion(reference=reference, candidate=shut, classes=CLASSES),
    )


def test_a_class_in_neither_mask_has_no_iou_and_one_in_a_single_mask_has_zero():
    reference, candidate = np.array([[0, 0, 1]], np.uint8), np.array([[0, 0, 0]], np.uint8)

    found = iou(confusion(reference=reference, candidate=candidate, classes=CLASSES))

    assert found[0] == pytest.approx(2 / 3)
    assert found[1] == 0
    assert np.isnan(found[2])


def test_counts_of_several_photos_add_up_to_the_iou_of_one_long_photo():
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, CLASSES, (2, 8, 20), np.uint8)
    halves = [
        confusion(reference=one[:, half], candidate=other[:, half], classes=CLASSES)
        for half in (slice(0, 7), slice(7, 20))
    ]

    whole = confusion(reference=one, candidate=other, classes=CLASSES)

    assert np.array_equal(iou(halves[0] + halves[1]), iou(whole))


@settings(deadline=None)
@given(binary, binary)
def test_the_two_ways_to_foreground_iou_agree(one, other):
    table = iou(confusion(reference=one, candidate=other, classes=2))

    assert foreground_iou(reference=one, candidate=other) == table[1]


def test_two_empty_masks_agree_and_an_empty_and_a_full_one_do_not():
    empty, full = np.zeros((4, 4), np.uint8), np.ones((4, 4), np.uint8)

    assert foreground_iou(reference=empty, candidate=empty) == 1
    assert foreground_iou(reference=empty, candidate=full) == 0
    assert foreground_iou(reference=full, candidate=full) == 1


@settings(deadline=None)
@given(judged, classes)
def test_one_photo_of_several_classes_has_the_mean_of_those_present(reference, candidate):
    each = iou(confusion(reference=reference, candidate=candidate, classes=CLASSES))

    found = photo_iou(reference=reference, candidate=candidate, classes=CLASSES)

    assert found == pytest.approx(np.mean([value for value in each if value >= 0]))


def test_one_photo_of_one_class_is_judged_by_its_foreground():
    reference, candidate = np.array([[1, 1, 0, 0]], np.uint8), np.array([[1, 0, 0, 0]], np.uint8)

    assert photo_iou(reference=reference, candidate=candidate, classes=1) == 0.5
    assert photo_iou(reference=reference * 0, candidate=candidate * 0, classes=1) == 1


@settings(deadline=None)
@given(judged, classes)
def test_dice_is_twice_what_both_have_over_what_each_has(reference, candidate):
    seen = reference != IGNORED
    each = []
    for index in range(CLASSES):
        one, other = (reference == index) & seen, (candidate == index) & seen
        if one.any() or other.any():
            each.append(2 * (one & other).sum() / (one.sum() + other.sum()))

    assert photo_dice(reference=reference, candidate=candidate, classes=CLASSES) == pytest.approx(np.mean(each))


def test_dice_of_one_class_is_of_its_foreground():
    reference, candidate = np.array([[1, 1, 0, 0]], np.uint8), np.array([[1, 0, 0, 0]], np.uint8)

    assert photo_dice(reference=reference, candidate=candidate, classes=1) == pytest.approx(2 / 3)
    assert photo_dice(reference=reference * 0, candidate=candidate * 0, classes=1) == 1


def inner_border(mask, distance):
    """As the paper's authors draw it: the mask without what is left when one pixel is taken off that many times."""
    wide = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0,))
    return mask - cv2.erode(wide, np.ones((3, 3), np.uint8), iterations=distance)[1:-1, 1:-1]


@pytest.mark.parametrize("share", [0.001, 0.02, 0.05])
def test_the_boundary_iou_is_that_of_its_authors(share):
    rng = np.random.default_rng(0)
    one, other = ((cv2.GaussianBlur(rng.random((90, 140)), (0, 0), 6) > 0.5).astype(np.uint8) for _ in range(2))
    distance = max(1, round(share * np.hypot(90, 140)))
    bands = [inner_border(mask, distance) for mask in (one, other)]

    found = photo_boundary_iou(reference=one, candidate=other, classes=1, share=share)

    assert found == (bands[0] & bands[1]).sum() / (bands[0] | bands[1]).sum()


def test_a_shift_costs_more_at_the_boundary_than_inside():
    mask = np.zeros((200, 200), np.uint8)
    mask[40:160, 40:160] = 1
    shifted = np.roll(mask, 3, axis=1)

    assert photo_boundary_iou(reference=mask, candidate=mask, classes=1) == 1
    assert photo_boundary_iou(reference=mask, candidate=shifted, classes=1) < 0.75
    assert photo_iou(reference=mask, candidate=shifted, classes=1) > 0.95
    assert photo_boundary_iou(reference=mask * 0, candidate=mask * 0, classes=1) == 1


def test_several_classes_have_the_mean_of_their_boundaries_where_they_were_judged():
    reference = np.zeros((60, 60), np.uint8)
    reference[:, 30:] = 1
    candidate = reference.copy()
    candidate[:30, 28:32] = 1 - candidate[:30, 28:32]
    ignored = np.where(candidate != reference, IGNORED, reference).astype(np.uint8)

    assert photo_boundary_iou(reference=reference, candidate=candidate, classes=2) < 0.9
    assert photo_boundary_iou(reference=ignored, candidate=candidate, classes=2) == 1


def test_two_pixels_of_640_along_a_border_are_forgiven():
    reference = np.zeros((400, 640), np.uint8)
    reference[100:300, 100:300] = 1
    candidate = reference.copy()
    candidate[100:300, 300:307] = 1

    found = photo_tolerant_iou(reference=reference, candidate=candidate, classes=1)
    assert found == 1 - 200 * 5 / (200 * 207)
    assert photo_tolerant_iou(reference=reference, candidate=reference, classes=1) == 1
    # Nothing is forgiven where the reference has no border, or where nobody judged what lies beyond it.
    assert photo_tolerant_iou(reference=reference * 0, candidate=reference, classes=1) == 0
    judged = np.where(candidate == 1, 1, IGNORED).astype(np.uint8)
    assert photo_tolerant_iou(reference=judged, candidate=reference, classes=1) == 200 / 207


@settings(deadline=None)
@given(judged, classes)
def test_forgiveness_never_costs(reference, candidate):
    strict = photo_iou(reference=reference, candidate=candidate, classes=CLASSES)
    tolerant = photo_tolerant_iou(reference=reference, candidate=candidate, classes=CLASSES)
    blind = photo_tolerant_iou(reference=reference, candidate=candidate, classes=CLASSES, share=2)

    assert strict - 1e-9 <= tolerant <= blind <= 1
