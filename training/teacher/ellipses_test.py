import cv2
import numpy as np
import pytest

from training.teacher import ellipses

SIZE = (200, 240)
ELLIPSE = (120.0, 95.0, 60.0, 48.0, 0.5)


def rows(*shapes):
    return np.array(shapes, np.float32).reshape(-1, 5)


def filled(*shapes):
    mask = np.zeros(SIZE, np.uint8)
    for shape in rows(*shapes):
        ellipses.fill_ellipse(mask, shape)
    return mask


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def test_an_ellipse_is_drawn_to_its_equation_and_in_its_box():
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    x0, y0, one, other, angle = ELLIPSE
    along = (x - x0) * np.cos(angle) + (y - y0) * np.sin(angle)
    across = (y - y0) * np.cos(angle) - (x - x0) * np.sin(angle)
    exact = ((along / one) ** 2 + (across / other) ** 2 <= 1).astype(np.uint8)

    mask = filled(ELLIPSE)

    assert overlap(mask, exact) > 0.999
    left, top, right, bottom = ellipses.bounding_box(rows(ELLIPSE)[0])
    at_y, at_x = np.nonzero(exact)
    assert (left, top, right, bottom) == pytest.approx(
        (at_x.min(), at_y.min(), at_x.max() + 1, at_y.max() + 1), abs=1.01
    )


def test_an_ellipse_beyond_the_frame_is_cut_or_not_drawn():
    assert filled((0, 0, 10, 10, 0)).sum() == pytest.approx(np.pi * 25, rel=0.15)
    assert not filled((-50, 20, 10, 10, 0), (20, 500, 10, 10, 0), (500, -50, 9, 9, 0)).any()


def test_a_circle_near_an_ellipse_is_fitted_to_it():
    grey = cv2.GaussianBlur(60 + 120 * filled(ELLIPSE), (0, 0), 1.2)
    guess = rows((124, 92, 54, 54, 0))
    assert overlap(filled(guess[0]), filled(ELLIPSE)) < 0.87

    found = ellipses.fit_to_edges(guess, grey, reach=0.2)

    assert overlap(filled(found[0]), filled(ELLIPSE)) > 0.96


def test_a_circle_is_fitted_though_a_third_of_its_rim_is_missing():
    circle = (120, 95, 60, 60, 0)
    shown = filled(circle)
    shown[:, 150:] = 0
    grey = cv2.GaussianBlur(60 + 120 * shown, (0, 0), 1.2)

    found = ellipses.fit_to_edges(rows((117, 97, 57, 57, 0)), grey, reach=0.12)

    assert overlap(filled(found[0]), filled(circle)) > 0.93


def test_without_reach_or_ellipses_nothing_moves():
    grey = 200 * filled(ELLIPSE)

    assert np.array_equal(ellipses.fit_to_edges(rows(ELLIPSE), grey, reach=0), rows(ELLIPSE))
    assert ellipses.fit_to_edges(rows(), grey, reach=0.1).shape == (0, 5)
    assert [len(found) for found in ellipses.edge_and_area_support(rows(), grey, grey, slack=1)] == [0, 0]


def test_circles_and_lone_outlines_are_proposed_within_the_radii_asked_for():
    shapes = [(60, 60, 30, 30, 0), (165, 130, 45, 35, 0), (30, 170, 8, 8, 0)]
    region = filled(*shapes)

    found = ellipses.propose_ellipses(60 + 120 * region, region, radii=(15, 60), gradient=200, roundness=0.8)

    masks = [filled(shape) for shape in found]
    assert max(overlap(mask, filled(shapes[0])) for mask in masks) > 0.95
    assert max(overlap(mask, filled(shapes[1])) for mask in masks) > 0.95
    assert all(overlap(mask, filled(shapes[2])) < 0.1 for mask in masks)


def test_the_rim_on_edges_and_the_inside_off_the_ground_are_counted():
    edges = np.zeros(SIZE, np.uint8)
    cv2.circle(edges, (100, 100), 50, (1,), 1)
    edges[:, 100:] = 0
    region = np.zeros(SIZE, np.uint8)
    region[:100] = 1

    support, covered = ellipses.edge_and_area_support(
        rows((100, 100, 50, 50, 0), (100, 100, 35, 35, 0)), edges, region, slack=1
    )

    assert support == pytest.approx([0.5, 0], abs=0.05)
    assert covered == pytest.approx([0.5, 0.5], abs=0.05)


def test_a_rim_beyond_the_frame_is_on_no_edge():
    support, _ = ellipses.edge_and_area_support(
        rows((0, 100, 50, 50, 0)), np.ones(SIZE, np.uint8), np.ones(SIZE, np.uint8), slack=1
    )

    assert support == pytest.approx([0.5], abs=0.05)


def test_of_circles_within_each_other_the_largest_good_one_stays():
    shapes = rows((60, 60, 40, 40, 0), (61, 60, 28, 28, 0), (60, 60, 55, 55, 0), (141, 60, 40, 40, 0))

    assert sorted(ellipses.drop_overlapping(shapes, np.array([0.9, 0.95, 0.3, 0.8], np.float32))) == [0, 3]
    assert ellipses.drop_overlapping(shapes, np.zeros(4, np.float32)) == []


def test_scaled_ellipses_cover_the_scaled_mask():
    large = cv2.resize(filled(ELLIPSE), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    drawn = np.zeros_like(large)

    ellipses.fill_ellipse(drawn, ellipses.scale_ellipses(rows(ELLIPSE), np.array((2.0, 2.0)))[0])

    assert overlap(drawn, large) > 0.98
