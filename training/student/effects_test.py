import numpy as np
import pytest

from training.student.effects import alpha, blurred_background


def summed(values, radius):
    """Whole numbers over the square around each pixel, by a table of sums."""
    rows, columns = values.shape
    table = np.pad(values.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    top, left = (np.maximum(np.arange(length) - radius, 0) for length in (rows, columns))
    below, right = (np.minimum(np.arange(length) + radius + 1, length) for length in (rows, columns))
    return table[below][:, right] - table[top][:, right] - table[below][:, left] + table[top][:, left]


# At radii of 100 and 200 the sums of this picture pass 2 ** 31.
@pytest.mark.parametrize("radius", [0, 5, 90, 100, 200])
def test_a_bright_picture_is_blurred_exactly_at_any_radius(radius):
    photo = np.random.default_rng(0).integers(200, 256, (420, 450, 3), np.uint8)
    foreground = np.zeros((420, 450), np.uint8)
    foreground[:60, :80] = 1

    found = blurred_background(photo, foreground, 0, radius)

    weight = 255 - 255 * foreground.astype(np.int64)
    total, expected = summed(weight, radius), photo.astype(np.int64)
    for _ in range(2):
        for channel in range(3):
            sums = summed(weight * expected[..., channel], radius)
            known = np.maximum(total, 1)
            expected[..., channel] = np.where(total > 0, (2 * sums + known) // (2 * known), expected[..., channel])
    assert np.array_equal(found, np.where(foreground[..., None] == 1, photo, expected))


def test_a_feather_wider_than_the_picture_gives_its_share_of_foreground():
    photo, foreground = np.zeros((30, 40, 3), np.uint8), np.zeros((30, 40), np.uint8)
    foreground[:, :10] = 1

    assert np.unique(alpha(photo, foreground, 50)).tolist() == [64]
