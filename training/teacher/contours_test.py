import cv2
import numpy as np
import pytest

from training.teacher import contours

PLAIN = {"even": 0, "stretch": 0, "clahe": 0, "sharpen": 0, "blur": 0}


def ramp():
    """Grey from 80 to 160."""
    return np.repeat(np.linspace(80, 160, 200).astype(np.uint8)[None, :, None], 100, axis=0).repeat(3, axis=2)


def test_brightness_is_stretched_to_full_contrast():
    grey = contours.prepare(ramp(), **PLAIN)

    assert (grey.min(), grey.max()) == (0, 255)
    assert np.all(np.diff(grey[0].astype(int)) >= 0)


@pytest.mark.parametrize(("option", "value"), [("clahe", 3.0), ("sharpen", 1.0)])
def test_faint_texture_grows_stronger(option, value):
    photo = np.random.default_rng(0).integers(112, 128, (100, 200, 1), np.uint8).repeat(3, axis=2)
    photo[:, :8], photo[:, -8:] = 0, 255

    plain, stronger = (contours.prepare(photo, **options)[:, 50:150] for options in (PLAIN, {**PLAIN, option: value}))

    assert stronger.std() > 1.5 * plain.std()


def test_slow_changes_are_taken_away_and_fast_ones_kept():
    photo = ramp()
    photo[45:55, 95:105] = 250

    flat = contours.prepare(photo, **{**PLAIN, "even": 1.0}).astype(float)
    plain = contours.prepare(photo, **PLAIN).astype(float)

    assert abs(flat[20, 150] - flat[20, 50]) < 0.4 * abs(plain[20, 150] - plain[20, 50])
    assert flat[50, 100] > flat[20, 100] + 100


def test_a_gap_in_an_outline_is_bridged_or_lets_the_fill_out():
    edges = np.zeros((80, 80), np.uint8)
    cv2.rectangle(edges, (20, 20), (60, 60), (1,), 1)
    edges[20, 38:42] = 0

    assert contours.fill_outlines(edges, bridge=7)[40, 40] == 1
    assert contours.fill_outlines(edges, bridge=1)[40, 40] == 0


def test_an_outline_cut_off_by_the_frame_is_not_rounded_there():
    mask = np.zeros((60, 60), np.uint8)
    mask[:30, :30] = 1

    assert np.array_equal(contours.close_and_open(mask, close=0, open=9)[:20, :20], mask[:20, :20])


def test_a_rim_is_one_pixel_wide_also_along_the_frame():
    mask = np.zeros((10, 12), np.uint8)
    mask[:5, 2:8] = 1

    expected = mask.copy()
    expected[1:4, 3:7] = 0
    assert np.array_equal(contours.boundary(mask), expected)


@pytest.mark.parametrize("size", [(100, 40), (10, 4000), (1, 1)])
def test_the_longer_side_is_brought_to_length(size):
    assert max(contours.shrink(np.zeros((*size, 3), np.uint8), 64).shape) == 64
