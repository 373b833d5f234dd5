import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from training.data.pairs import Pair, read_pairs
from training.data.split import _draw, group_alike, split
from training.student.errors import BadInput

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def scene(seed):
    """A smooth photo unlike that of any other seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC)


def saved(tmp_path, images, suffix="jpg"):
    paths = [tmp_path / f"{number:03}.{suffix}" for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        image.save(path)
    return paths


def pairs_of(paths):
    return [Pair(path.stem, path, path) for path in paths]


def names(pairs):
    return [pair.name for pair in pairs]


COPIES = {
    "the same": lambda photo: photo,
    "smaller": lambda photo: photo.resize((90, 70)),
    "brighter": lambda photo: photo.point(lambda value: value * 0.8 + 50),
    "cropped by a few pixels": lambda photo: photo.crop((3, 2, 158, 118)),
    "grey": lambda photo: photo.convert("L"),
    "mirrored": lambda photo: photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned": lambda photo: photo.transpose(Image.Transpose.ROTATE_90),
    "mirrored and turned": lambda photo: photo.transpose(Image.Transpose.TRANSVERSE),
}


@pytest.mark.parametrize("alter", COPIES.values(), ids=COPIES)
def test_a_copy_is_alike_and_strangers_are_not(tmp_path, alter):
    paths = saved(tmp_path, [scene(0), scene(1), alter(scene(0)), scene(2)])

    assert group_alike(paths) == [[0, 2], [1], [3]]


def test_a_copy_in_another_format_is_alike(tmp_path):
    paths = [*saved(tmp_path, [scene(0), scene(1)]), *saved(tmp_path, [scene(0)], "png")]

    assert group_alike(paths) == [[0, 2], [1]]


def test_likeness_is_passed_on(tmp_path):
    def blend(share):
        return Image.blend(scene(0), scene(1), share)

    ends, chain = [blend(0), blend(1)], [blend(share) for share in (0, 0.9, 0.7, 0.5, 0.3, 0.1, 1)]
    (tmp_path / "chain").mkdir()

    assert group_alike(saved(tmp_path, ends)) == [[0], [1]]
    assert group_alike(saved(tmp_path / "chain", chain)) == [list(range(len(chain)))]


def test_no_scene_is_on_both_sides(tmp_path):
    photos = [alter(scene(seed)) for seed in range(10) for alter in COPIES.values()]
    paths = saved(tmp_path, photos, "png")

    for seed in range(5):
        sides = split(pairs_of(paths), validation=0.3, seed=seed)

        scenes = [{int(name) // len(COPIES) for name in names(side)} for side in (sides.train, sides.validation)]
        assert not scenes[0] & scenes[1]
        assert len(sides.train) + len(sides.validation) == len(paths)
        assert len(sides.validation) == 24


def test_a_seed_decides_and_the_order_of_files_does_not(tmp_path):
    pairs = pairs_of(saved(tmp_path, [scene(seed) for seed in range(20)]))
    shuffled = random.Random(0).sample(pairs, len(pairs))

    first = split(pairs, validation=0.25, seed=1)

    assert split(shuffled, validation=0.25, seed=1) == first
    assert split(pairs, validation=0.25, seed=2) != first
    assert len(first.validation) == 5
    assert names(first.train) == sorted(names(first.train))


@settings(deadline=None)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=9), st.data())
def test_the_share_is_met_as_nearly_as_groups_allow(sizes, data):
    wanted = data.draw(st.integers(1, sum(sizes) - 1))
    subsets = range(1, 2 ** len(sizes) - 1)
    sums = [sum(size for index, size in enumerate(sizes) if subset >> index & 1) for subset in subsets]

    drawn = _draw(sizes, wanted)

    assert 0 < len(drawn) == len(set(drawn)) < len(sizes)
    assert abs(sum(sizes[index] for index in drawn) - wanted) == min(abs(total - wanted) for total in sums)


def test_over_all_folds_each_pair_is_tested_once_and_never_learnt_from_beside_its_scene(tmp_path):
    scenes = [0, 0, 0, 1, 1, *range(2, 11)]
    pairs = pairs_of(saved(tmp_path, [scene(seed) for seed in scenes]))
    scene_of = dict(zip(names(pairs), scenes, strict=True))

    folds = [split(pairs, validation=0.2, seed=1, test=f"{part}/3") for part in (1, 2, 3)]

    assert sorted(name for fold in folds for name in names(fold.test)) == names(pairs)
    for fold in folds:
        assert 4 <= len(fold.test) <= 6
        assert len(fold.train) + len(fold.validation) + len(fold.test) == len(pairs)
        sides = [{scene_of[name] for name in names(side)} for side in (fold.train, fold.validation, fold.test)]
        assert all(sides)
        assert sum(len(side) for side in sides) == len(set(scenes))
        assert fold.held_out == fold.test


def test_what_is_tested_is_the_same_for_every_seed_and_what_validates_is_not(tmp_path):
    pairs = pairs_of(saved(tmp_path, [scene(seed) for seed in range(20)]))

    one, other = (split(pairs, validation=0.25, seed=seed, test="1/5") for seed in (1, 2))

    assert one.test == other.test
    assert one.validation != other.validation


def test_too_few_scenes_for_the_folds_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"test=1/5 needs at least 7 groups .*, found 6; use fewer parts"):
        split(pairs_of(saved(tmp_path, [scene(seed) for seed in range(6)])), validation=0.5, seed=0, test="1/5")


@pytest.mark.parametrize("validation", [0.001, 0.999])
def test_either_side_has_at_least_one_pair(tmp_path, validation):
    sides = split(pairs_of(saved(tmp_path, [scene(0), scene(1)])), validation=validation, seed=0)

    assert len(sides.train) == len(sides.validation) == 1


@pytest.mark.parametrize("validation", [0, 1, -0.1, 20, float("nan")])
def test_a_share_outside_zero_to_one_is_refused(validation):
    with pytest.raises(BadInput, match="not a share of the pairs"):
        split([], validation=validation, seed=0)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_pairs_are_refused_saying_how_many_there_are_and_must_be(tmp_path, count):
    with pytest.raises(BadInput, match=f"needs at least 2 pairs, found {count}"):
        split(pairs_of(saved(tmp_path, [scene(0)] * count)), validation=0.5, seed=0)


def test_photos_of_a_single_scene_are_refused(tmp_path):
    with pytest.raises(BadInput, match="all 3 photos look alike, a split needs at least 2 groups"):
        split(pairs_of(saved(tmp_path, [scene(0)] * 3)), validation=0.5, seed=0)


def test_a_photo_that_cannot_be_read_is_refused_by_name(tmp_path):
    paths = saved(tmp_path, [scene(0), scene(1)])
    paths[1].write_bytes(b"nothing")

    with pytest.raises(BadInput, match=r"001\.jpg is not an image"):
        split(pairs_of(paths), validation=0.5, seed=0)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"real photos are not at {DATA}")
def test_real_duplicates_are_found_among_street_portraits_and_no_strangers():
    pairs = read_pairs(DATA / "person").pairs

    groups = group_alike([pair.photo for pair in pairs])

    alike = [[pairs[index].name for index in group] for group in groups if len(group) > 1]
    duplicates = [["0078", "0984"], ["0183", "0730"], ["0594", "0722"], ["0692", "0732"], ["0907", "0990"]]
    assert alike == duplicates
