import cv2
import numpy as np
import pytest

from training.data.augment import Augmentation, stored_size
from training.recipe import Recipe
from training.student.metrics import IGNORED


def disc(rows=120, columns=160):
    """A photo that is white exactly where its mask is 1."""
    mask = np.zeros((rows, columns), np.uint8)
    cv2.circle(mask, (columns // 2 + 7, rows // 2 - 5), 30, 1, cv2.FILLED)
    return np.repeat(mask[..., None] * np.uint8(255), 3, axis=2), mask


def recipe(**changes):
    return Recipe(**{"height": 64, "width": 96, "colour": 0, "degrade": 0, **changes})


@pytest.mark.parametrize("turn", ["mirror", "any"])
def test_photo_and_mask_come_out_at_the_size_of_the_input(turn):
    augmentation = Augmentation(recipe(turn=turn, colour=0.5, degrade=0.3))

    for seed in range(20):
        photo, mask = augmentation(*disc(), seed=seed)
        assert (photo.shape, photo.dtype) == ((64, 96, 3), np.uint8)
        assert (mask.shape, mask.dtype) == ((64, 96), np.uint8)
        assert set(np.unique(mask)) <= {0, 1}


@pytest.mark.parametrize(("scale", "size"), [(0.75, (64, 96)), (0.4, (32, 64)), (0.01, (32, 32))])
def test_smaller_inputs_suit_the_encoder_s_halvings(scale, size):
    photo, mask = Augmentation(recipe(height=96, width=128), scale)(*disc(), seed=0)

    assert photo.shape == (*size, 3)
    assert mask.shape == size


@pytest.mark.parametrize("turn", ["mirror", "any"])
def test_what_nobody_judged_stays_apart_from_both_classes(turn):
    photo, mask = disc()
    photo[:40], mask[:40] = 128, IGNORED
    for seed in range(20):
        seen, found = Augmentation(recipe(turn=turn))(photo, mask, seed=seed)
        assert set(np.unique(found)) <= {0, 1, IGNORED}
        assert ((seen[..., 0] == 128) & (found != IGNORED)).mean() < 0.02


def test_the_same_seed_gives_the_same_and_another_another():
    photo, mask = disc()
    noisy = np.random.default_rng(0).integers(0, 256, photo.shape, np.uint8)
    one, other = (Augmentation(recipe(turn="any", colour=0.5, degrade=1.0)) for _ in range(2))

    first = [one(noisy, mask, seed=seed)[0] for seed in range(8)]

    # Backwards, since what came before must not matter.
    again = [other(noisy, mask, seed=seed)[0] for seed in reversed(range(8))][::-1]
    assert all((one == other).all() for one, other in zip(first, again, strict=True))
    assert len({picture.tobytes() for picture in first}) == 8


@pytest.mark.parametrize("turn", ["mirror", "any"])
def test_the_mask_stays_on_its_photo_without_a_shift(turn):
    augmentation = Augmentation(recipe(turn=turn))
    shifts, flips = [], []
    for seed in range(200):
        photo, mask = augmentation(*disc(), seed=seed)
        white = photo[..., 0] / 255
        if mask.any():
            shifts.append(np.subtract(centre(white), centre(mask)))
            flips.append(((white > 0.5) != mask).mean())

    assert len(shifts) > 190
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.05
    assert np.max(flips) < 0.02


def centre(weights):
    """(row, column), in pixels."""
    rows, columns = np.indices(weights.shape)
    return [(index * weights).sum() / weights.sum() for index in (rows, columns)]


def test_things_on_a_table_are_turned_and_people_are_not():
    upper = np.zeros((96, 96), np.uint8)
    upper[:48] = 1
    photo = np.repeat(upper[..., None] * np.uint8(255), 3, axis=2)

    def is_upright(turn):
        augmentation = Augmentation(recipe(height=96, width=96, turn=turn, zoom=(0.9, 1.0)))
        masks = [augmentation(photo, upper, seed=seed)[1].astype(int) for seed in range(30)]
        return [mask[:20].sum() > mask[-20:].sum() for mask in masks]

    assert all(is_upright("mirror"))
    assert 5 < sum(is_upright("any")) < 25


def test_without_colour_and_flaws_values_stay():
    photo = np.full((120, 160, 3), (10, 100, 200), np.uint8)
    augmentation = Augmentation(recipe())

    for seed in range(10):
        assert (augmentation(photo, photo[..., 0], seed=seed)[0] == (10, 100, 200)).all()


@pytest.mark.parametrize("option", ["colour", "degrade"])
def test_colour_and_flaws_change_the_photo_but_never_the_mask(option):
    photo, mask = np.full((120, 160, 3), (10, 100, 200), np.uint8), disc()[1]
    plain, altered = Augmentation(recipe()), Augmentation(recipe(**{option: 1.0}))

    both = [(plain(photo, mask, seed=seed), altered(photo, mask, seed=seed)) for seed in range(10)]

    assert sum((one[0] != other[0]).any() for one, other in both) > 5
    masks = [mask.astype(int) for (_, mask), _ in both]
    assert all((mask == other).all() for mask, (_, (_, other)) in zip(masks, both, strict=True))


def test_photos_are_kept_a_little_larger_than_the_input():
    assert stored_size(recipe()) == (80, 120)
