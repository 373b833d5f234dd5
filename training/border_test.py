import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from training.border import border

masks = arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 1))


def band(mask, width, inner_only=False):
    members = torch.from_numpy(np.asarray(mask))[None, None].float()
    return border(members, width=width, inner_only=inner_only)[0, 0].numpy()


@pytest.mark.parametrize("width", [1, 3, 8])
def test_the_border_of_a_half_plane_is_as_wide_on_both_sides(width):
    half = np.zeros((20, 40), np.uint8)
    half[:, 20:] = 1

    assert (np.flatnonzero(band(half, width).all(axis=0)) == np.arange(20 - width, 20 + width)).all()
    assert (np.flatnonzero(band(half, width).any(axis=0)) == np.arange(20 - width, 20 + width)).all()


@pytest.mark.parametrize("width", [1, 3, 8])
def test_the_inner_border_of_a_half_plane_lies_within_it(width):
    half = np.zeros((20, 40), np.uint8)
    half[:, 20:] = 1

    assert (np.flatnonzero(band(half, width, inner_only=True).any(axis=0)) == np.arange(20, 20 + width)).all()


@pytest.mark.parametrize("value", [0, 1])
def test_the_frame_is_no_edge(value):
    assert not band(np.full((9, 7), value, np.uint8), 3).any()


@given(masks, st.integers(0, 6), st.integers(0, 6))
def test_a_wider_border_contains_a_narrower_one(mask, width, more):
    assert (band(mask, width) <= band(mask, width + more)).all()


@given(masks, st.integers(0, 6))
def test_the_border_is_what_opencv_calls_the_morphological_gradient(mask, width):
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)

    assert (band(mask, width) == cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, square)).all()
    assert (band(mask, width, inner_only=True) == mask - cv2.erode(mask, square)).all()


def test_several_classes_have_the_borders_of_each():
    classes = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2]).float().expand(1, 1, 4, 9)

    found = border(classes, width=1)

    assert found.shape == (1, 1, 4, 9)
    assert found[0, 0, 0].tolist() == [False, False, True, True, False, True, True, False, False]


@given(arrays.arrays(np.uint8, (7, 9), elements=st.sampled_from([0, 1, 2, 255])), st.integers(0, 3))
def test_the_border_of_several_classes_is_that_of_every_class_against_the_others(mask, width):
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    each = [cv2.morphologyEx((mask == index).astype(np.uint8), cv2.MORPH_GRADIENT, square) for index in (0, 1, 2, 255)]

    assert (band(mask, width) == np.any(each, axis=0)).all()
