from pathlib import Path

import cv2
import numpy as np
import pytest

from training.data.coins import render, rendered_folder, write_pairs
from training.data.pairs import read_pairs
from training.data.photos import read_mask, read_photo
from training.student.errors import BadInput


def test_the_same_seed_gives_the_same_pixels():
    first, second = render(7, height=96, width=96), render(7, height=96, width=96)

    assert np.array_equal(first.photo, second.photo)
    assert np.array_equal(first.mask, second.mask)


def test_different_seeds_give_different_pixels():
    photos = {render(seed, height=64, width=64).photo.tobytes() for seed in range(8)}

    assert len(photos) == 8


@pytest.mark.parametrize(("height", "width"), [(96, 96), (64, 160), (150, 70)])
def test_photo_and_mask_have_the_size_that_was_asked_for(height: int, width: int):
    rendering = render(3, height=height, width=width)

    assert rendering.photo.shape == (height, width, 3)
    assert rendering.photo.dtype == np.uint8
    assert rendering.mask.shape == (height, width)
    assert rendering.mask.dtype == np.bool_


def test_a_photo_too_small_for_a_coin_is_refused():
    with pytest.raises(BadInput, match="16 x 96; a rendering needs at least 32 x 32"):
        render(0, height=16, width=96)


def test_without_coins_there_are_things_but_no_mask():
    renderings = [render(seed, height=96, width=96, coin_count=0) for seed in range(12)]

    assert not any(rendering.mask.any() for rendering in renderings)


def test_most_photos_show_coins_and_none_shows_only_coin():
    shares = np.array([render(seed, height=96, width=96).mask.mean() for seed in range(40)])

    assert np.count_nonzero(shares) >= 35
    assert shares.max() < 0.9
    assert 0.05 < np.median(shares) < 0.3


def test_masks_end_where_photos_change():
    """Gradients along the outline of the coins are those of edges, not of just any pixel."""
    ratios = []
    for seed in range(24):
        rendering = render(seed, height=160, width=160)
        grey = cv2.cvtColor(rendering.photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
        strength = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
        mask = rendering.mask.astype(np.uint8)
        outline = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        if outline.any():
            ratios.append(strength[outline].mean() / strength.mean())

    assert np.median(ratios) > 2


def test_pairs_on_disk_are_the_renderings_themselves(tmp_path: Path):
    write_pairs(tmp_path / "coins", count=3, seed=2, height=64, width=96, processes=2)

    photos = sorted((tmp_path / "coins" / "photos").iterdir())
    masks = sorted((tmp_path / "coins" / "masks").iterdir())
    assert [path.stem for path in photos] == [path.stem for path in masks]
    assert len(photos) == 3
    for photo, mask in zip(photos, masks, strict=True):
        rendering = render(int(photo.stem.split("_")[1]), height=64, width=96)
        assert np.array_equal(cv2.imread(str(photo))[..., ::-1], rendering.photo)
        assert np.array_equal(cv2.imread(str(mask), cv2.IMREAD_UNCHANGED), rendering.mask * np.uint8(255))


def test_coins_are_rendered_once_and_then_found(tmp_path: Path):
    found = read_pairs(rendered_folder(2, seed=5, root=tmp_path))

    assert len(found.pairs) == 2
    assert found.classes == ("foreground",)
    photo = read_photo(found.pairs[0].photo)
    assert photo.shape == (320, 320, 3)
    assert 0 < read_mask(found.pairs[0].mask, size=(320, 320), classes=1).mean() < 1
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    assert read_pairs(rendered_folder(2, seed=5, root=tmp_path)) == found
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == before


@pytest.mark.parametrize(("count", "seed"), [(1, 5), (2, 6)])
def test_another_count_or_seed_is_another_folder(tmp_path: Path, count: int, seed: int):
    first = rendered_folder(2, seed=5, root=tmp_path)

    other = rendered_folder(count, seed=seed, root=tmp_path)

    assert other != first
    assert len(read_pairs(other).pairs) == count


def test_what_fails_half_way_leaves_nothing(tmp_path: Path):
    with pytest.raises(BadInput, match="at least 32 x 32"):
        write_pairs(tmp_path / "coins", count=2, height=16, width=16, processes=1)

    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(BadInput, match="not empty"):
        write_pairs(tmp_path, count=1)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
