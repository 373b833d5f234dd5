import cv2
import numpy as np
import pytest

from training.teacher.region import Region, box_iou, clean_region, connected_components


def ring(side=60, outer=25, inner=15):
    canvas = np.zeros((side, side + 20), np.uint8)
    cv2.circle(canvas, (40, 30), outer, 1, cv2.FILLED)
    cv2.circle(canvas, (40, 30), inner, 0, cv2.FILLED)
    return canvas > 0


def painted(region, shape):
    canvas = np.zeros(shape, np.uint8)
    region.paint(canvas, 1)
    return canvas > 0


def test_a_region_is_its_mask_again_when_painted():
    mask = ring()
    region = Region.from_mask(mask)

    assert region.bits.shape == (51, 51)
    assert region.box == (15, 5, 66, 56)
    assert region.area == mask.sum()
    np.testing.assert_array_equal(painted(region, mask.shape), mask)


def test_an_empty_mask_is_a_region_without_pixels():
    region = Region.from_mask(np.zeros((4, 5), bool))

    assert region.area == 0
    assert not painted(region, (4, 5)).any()
    assert clean_region(region, fragment=0.1, hole=0.1).area == 0
    assert connected_components(region) == []


def test_the_inside_of_a_ring_stays_open_while_pinholes_and_specks_go():
    true = ring()
    spoilt = true.copy()
    spoilt[30, 20] = False  # a pinhole in the ring
    spoilt[2, 2] = True  # a speck beside it
    spoilt[30, 40] = True  # a speck inside it

    region = clean_region(Region.from_mask(spoilt), fragment=0.02, hole=0.01)

    np.testing.assert_array_equal(painted(region, true.shape), true)


def test_nothing_changes_where_no_share_is_asked_for():
    mask = np.random.default_rng(0).random((40, 30)) < 0.3

    np.testing.assert_array_equal(painted(clean_region(Region.from_mask(mask), fragment=0, hole=0), mask.shape), mask)


def test_the_largest_fragment_stays_whatever_the_share():
    mask = np.zeros((10, 30), bool)
    mask[:, :4] = mask[:, 10:15] = mask[:, 20:23] = True

    kept = painted(clean_region(Region.from_mask(mask), fragment=0.9, hole=0), mask.shape)

    assert np.flatnonzero(kept.any(axis=0)).tolist() == [10, 11, 12, 13, 14]


def test_a_bay_that_opens_to_the_outside_is_no_hole():
    mask = np.ones((9, 9), bool)
    mask[:5, 4] = False

    np.testing.assert_array_equal(painted(clean_region(Region.from_mask(mask), fragment=0, hole=1), mask.shape), mask)


def test_a_thin_diagonal_neither_falls_apart_nor_leaks():
    diagonal = np.eye(12, dtype=bool)
    assert clean_region(Region.from_mask(diagonal), fragment=0.5, hole=0).area == 12

    diamond = np.zeros((7, 7), bool)
    for row, column in [(0, 3), (1, 2), (1, 4), (2, 1), (2, 5), (3, 0), (3, 6), (4, 1), (4, 5), (5, 2), (5, 4), (6, 3)]:
        diamond[row, column] = True
    assert clean_region(Region.from_mask(diamond), fragment=0, hole=2).area == 12 + 13


def test_fragments_come_largest_first_and_where_they_were():
    mask = np.zeros((10, 20), bool)
    mask[1:3, 1:3] = mask[4:9, 10:15] = True

    parts = connected_components(Region.from_mask(mask))

    assert [part.box for part in parts] == [(10, 4, 15, 9), (1, 1, 3, 3)]
    assert [part.box for part in connected_components(Region.from_mask(np.ones((1, 1), bool)))] == [(0, 0, 1, 1)]


@pytest.mark.parametrize(
    ("box", "iou"),
    [((0, 0, 10, 10), 1.0), ((5, 0, 15, 10), 1 / 3), ((10, 0, 20, 10), 0.0), ((0, 0, 5, 5), 0.25), ((3, 3, 3, 3), 0.0)],
)
def test_intersection_over_union_of_boxes(box, iou):
    assert box_iou(np.array([[0, 0, 10, 10]], np.float32), box)[0] == pytest.approx(iou)
