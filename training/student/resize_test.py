import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.student.resize import bilinear

SIZES = [(5, 7, 13, 24), (31, 45, 7, 8), (64, 64, 256, 256), (1, 1, 4, 3), (6, 5, 1, 1), (1, 9, 3, 4), (300, 2, 17, 5)]
sides = st.integers(1, 40)


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32) * 8


@pytest.mark.parametrize(("rows", "columns", "height", "width"), SIZES)
def test_torch_agrees(rows, columns, height, width):
    values = noise(rows, columns, 2)
    tensor = torch.from_numpy(values).permute(2, 0, 1)[None].double()

    theirs = torch.nn.functional.interpolate(tensor, size=(height, width), mode="bilinear", align_corners=False)

    ours = bilinear(values, height, width)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs[0].permute(1, 2, 0).numpy(), atol=2e-5)


@settings(deadline=None)
@given(sides, sides, sides, sides, st.floats(-1e6, 1e6, width=32))
def test_a_constant_stays_constant_to_the_bit(rows, columns, height, width, value):
    resized = bilinear(np.full((rows, columns), value, np.float32), height, width)

    assert resized.shape == (height, width)
    assert (resized == np.float32(value)).all()


@settings(deadline=None)
@given(sides, sides)
def test_the_same_size_is_the_same_values(rows, columns):
    values = noise(rows, columns)

    assert np.array_equal(bilinear(values, rows, columns), values)


@settings(deadline=None)
@given(sides, sides, sides, sides)
def test_nothing_grows_beyond_its_neighbours(rows, columns, height, width):
    values = noise(rows, columns)

    resized = bilinear(values, height, width)

    slack = 1e-5 * np.abs(values).max()
    assert resized.min() >= values.min() - slack
    assert resized.max() <= values.max() + slack


@settings(deadline=None)
@given(sides, sides, sides, sides, st.sampled_from([0, 1]))
def test_mirroring_before_or_after_is_the_same(rows, columns, height, width, axis):
    values = noise(rows, columns)

    mirrored = bilinear(np.flip(values, axis), height, width)

    np.testing.assert_allclose(mirrored, np.flip(bilinear(values, height, width), axis), atol=5e-5)


@settings(deadline=None)
@given(sides, sides)
def test_turning_before_or_after_is_the_same(rows, height):
    values = noise(rows, rows)

    np.testing.assert_allclose(bilinear(values.T, height, height), bilinear(values, height, height).T, atol=5e-5)


def test_channels_do_not_mix():
    values = noise(9, 7, 3)

    together = bilinear(values, 20, 21)

    for channel in range(3):
        assert np.array_equal(together[..., channel], bilinear(values[..., channel], 20, 21))


def test_bytes_are_subtracted_without_wrapping_around():
    photo = np.array([[255, 0]], np.uint8)

    assert bilinear(photo, 1, 4).tolist() == [[255, 191.25, 63.75, 0]]
