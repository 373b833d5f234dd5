import json
import math

import cv2
import numpy as np
import pytest
from PIL import Image

from training.data.mask_features import SIDE, MaskFeatures, measure_features, raggedness, sharpness, shrunk_mask
from training.data.pairs import read_pairs
from training.student.errors import BadInput

SIZE = (100, 200)


def disc(centre=(100, 50), radius=30, value=1):
    return cv2.circle(np.zeros(SIZE, np.uint8), centre, radius, value, cv2.FILLED)


def folder_of(folder, masks, photo=None, classes=""):
    for part in ("photos", "masks", "sidecars"):
        (folder / part).mkdir(parents=True)
    if classes:
        (folder / "classes.txt").write_text(classes)
    for name, mask in masks.items():
        Image.fromarray(np.full((*mask.shape, 3), 90, np.uint8) if photo is None else photo).save(
            folder / "photos" / f"{name}.png"
        )
        Image.fromarray(mask if classes else mask * 255).save(folder / "masks" / f"{name}.png")
    return read_pairs(folder)


def traits_of(tmp_path, mask, **options):
    return measure_features(folder_of(tmp_path / "pairs", {"one": mask}, **options))[0]


def test_area_and_frame_are_shares_of_the_mask_s_own_pixels(tmp_path):
    mask = np.zeros(SIZE, np.uint8)
    mask[:50, :100] = 1

    found = traits_of(tmp_path, mask)

    assert (found.rows, found.columns) == SIZE
    assert found.areas == (0.25,)
    # 100 of the first row, none of the last, 50 of the first column; corners count in both.
    assert found.frames == (pytest.approx(150 / 600),)
    assert not found.is_empty


def test_classes_count_apart_and_what_nobody_judged_not_at_all(tmp_path):
    mask = np.zeros(SIZE, np.uint8)
    mask[:, :100], mask[:50, 100:] = 255, 2

    found = traits_of(tmp_path, mask, classes="ground\ncoin\nnote")

    assert found.areas == (0.5, 0, 0.5)
    assert not found.is_empty


@pytest.mark.parametrize("classes", ["", "ground\ncoin"])
def test_a_mask_that_shows_nothing_is_empty(tmp_path, classes):
    found = traits_of(tmp_path, np.zeros(SIZE, np.uint8), classes=classes)

    assert found.is_empty
    assert (found.specks, found.raggedness, found.sharpness) == (0, 0, None)


def test_specks_are_pieces_and_holes_that_are_small_beside_the_largest(tmp_path):
    mask = disc()
    mask[45:48, 90:93] = 0
    mask[5:8, 5:8] = mask[90:92, 190:195] = 1
    mask[5:35, 150:180] = 1  # nearly a third of the disc: a thing of its own
    mask[60:75, 95:110] = 0  # a hole that somebody meant

    assert traits_of(tmp_path, mask).specks == 3


def test_a_smooth_border_is_not_ragged_and_teeth_are():
    teeth = np.zeros(SIZE, np.uint8)
    teeth[30:70, 50:150] = 1
    smooth = teeth.copy()
    teeth[28:30, 50:150:2] = teeth[70:72, 50:150:2] = 1

    assert raggedness(smooth) < 0.05
    assert raggedness(disc()) < 0.1
    # 200 pixels of teeth that the median takes away, on a border of some 280.
    assert raggedness(teeth) == pytest.approx(200 / 280, rel=0.25)


@pytest.mark.parametrize("side", [100, 400, 1600])
def test_raggedness_does_not_hang_on_the_photo_s_size(side):
    mask = np.zeros((side, side), np.uint8)
    cv2.circle(mask, (side // 2, side // 2), side // 3, 1, cv2.FILLED)
    small = shrunk_mask(mask)

    assert max(small.shape) == min(side, SIDE)
    assert raggedness(small) < 0.15


def test_a_border_on_the_photo_s_edge_is_sharp_and_any_other_is_not():
    photo = np.repeat(disc(value=150)[..., None] + np.uint8(40), 3, axis=2)

    on = sharpness(photo, disc())
    beside = [sharpness(photo, disc(**other)) for other in ({"radius": 23}, {"radius": 37}, {"centre": (110, 55)})]

    assert on > math.log(4)
    assert max(beside) < 0
    assert sharpness(np.full((*SIZE, 3), 90, np.uint8), disc()) == pytest.approx(0)
    assert sharpness(photo, np.ones(SIZE, np.uint8)) is None


@pytest.mark.parametrize("channel", range(3))
def test_an_edge_of_any_colour_is_an_edge(channel):
    photo = np.full((*SIZE, 3), 90, np.uint8)
    photo[..., channel] += disc(value=100)

    assert sharpness(photo, disc()) > 1


def test_the_score_is_the_sidecar_s(tmp_path):
    pairs = folder_of(tmp_path / "pairs", {name: disc() for name in ("null", "sure", "without")})
    (pairs.folder / "sidecars" / "sure.json").write_text(json.dumps({"schema": 1, "score": 0.75}))
    (pairs.folder / "sidecars" / "null.json").write_text(json.dumps({"schema": 1, "score": None}))

    assert [each.score for each in measure_features(pairs)] == [None, 0.75, None]


@pytest.mark.parametrize(
    ("text", "fault"), [("{", "cannot read .*one.json"), ('{"score": 7}', "has the score 7, expected a number from 0")]
)
def test_a_sidecar_that_cannot_be_read_is_a_fault_of_its_pair(tmp_path, text, fault):
    pairs = folder_of(tmp_path / "pairs", {"one": disc()})
    (pairs.folder / "sidecars" / "one.json").write_text(text)

    assert fault.split(".*")[-1] in measure_features(pairs)[0].fault


def test_a_pair_that_cannot_be_read_says_why_and_harms_no_other(tmp_path):
    pairs = folder_of(tmp_path / "pairs", {"one": disc(), "two": disc()})
    Image.new("L", (5, 5)).save(pairs.pairs[0].mask)

    one, two = measure_features(pairs)

    assert "has 5 × 5 pixels (rows × columns), its photo 100 × 200" in one.fault
    assert one == MaskFeatures("one", fault=one.fault)
    assert not two.fault


def test_agreement_is_the_iou_with_another_teacher_s_mask_where_there_is_one(tmp_path):
    half = np.zeros(SIZE, np.uint8)
    half[:, :100] = 1
    quarter = np.zeros(SIZE, np.uint8)
    quarter[:, :50] = 1
    pairs = folder_of(tmp_path / "pairs", {"one": half, "two": half, "three": half})
    against = folder_of(tmp_path / "others", {"one": half, "two": quarter})

    assert {each.name: each.agreement for each in measure_features(pairs, against)} == {
        "one": 1,
        "two": 0.5,
        "three": None,
    }


@pytest.mark.parametrize(
    ("names", "classes", "message"),
    [("ab", "", "has no mask of any photo of"), (["one"], "sky\nroad", "has the classes sky, road, .* has foreground")],
)
def test_a_teacher_of_other_things_cannot_be_asked(tmp_path, names, classes, message):
    pairs = folder_of(tmp_path / "pairs", {"one": disc()})
    against = folder_of(tmp_path / "others", {name: disc() for name in names}, classes=classes)

    with pytest.raises(BadInput, match=message):
        measure_features(pairs, against)
