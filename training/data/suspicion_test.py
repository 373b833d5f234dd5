import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from training.data.mask_features import MaskFeatures
from training.data.mask_statistics import FolderStatistics, RobustRange
from training.data.pairs import read_pairs
from training.data.suspicion import GROUNDS, rank_by_suspicion, score_suspicion
from training.student.errors import BadInput

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

USUAL = RobustRange(0.0, 1.0, 1.0)
STATISTICS = FolderStatistics(
    classes=("coin",),
    areas=(RobustRange.of([math.log(0.2)] * 9, 0.1),),
    frames=(RobustRange.of([0.0] * 9, 0.02),),
    specks=RobustRange.of([0.0] * 9, 0.25),
    raggedness=RobustRange.of([0.1] * 9, 0.05),
    sharpness=RobustRange.of([0.6] * 9, 0.1),
    score=RobustRange.of([0.9] * 9, 0.05),
    near_duplicates={"copy": "a"},
)
GOOD = {
    "rows": 480,
    "columns": 640,
    "areas": (0.2,),
    "frames": (0.0,),
    "raggedness": 0.1,
    "sharpness": 0.6,
    "score": 0.9,
    "agreement": 0.95,
}


def found(name="a", **features):
    return score_suspicion(MaskFeatures(name, **{**GOOD, **features}), STATISTICS)


def test_a_mask_like_all_others_is_above_suspicion():
    assert (found().suspicion, found().reasons) == (0, ())


@pytest.mark.parametrize(
    ("ground", "features", "words"),
    [
        ("unreadable", {"fault": "one.png is empty"}, "one.png is empty"),
        ("empty", {"areas": (0.0,), "sharpness": None}, "the mask is empty"),
        ("full", {"areas": (0.99,), "sharpness": None}, "the mask covers everything"),
        ("disagreement", {"agreement": 0.5}, "teachers disagree (IoU 0.50)"),
        ("off the edges", {"sharpness": 0.0}, "off the photo's edges (contrast 1.0, others 1.8)"),
        ("low score", {"score": 0.5}, "low score (0.50, others 0.90)"),
        ("area", {"areas": (0.01,)}, "unusual area (1 %, others 20 %)"),
        ("area", {"areas": (0.8,)}, "unusual area (80 %, others 20 %)"),
        ("frame", {"frames": (0.3,)}, "touches the frame (30 %, others 0 %)"),
        ("fragments", {"specks": 9}, "many small fragments or holes (9, others 0)"),
        ("ragged", {"raggedness": 0.6}, "ragged border"),
        ("tiny", {"rows": 60}, "tiny photo (60 × 640 pixels)"),
        ("near-duplicate", {"name": "copy"}, "looks like a"),
    ],
)
def test_each_ground_is_worth_its_weight_and_says_why(ground, features, words):
    weight = next(each.weight for each in GROUNDS if each.name == ground)

    suspected = found(**features)

    assert words in suspected.reasons[0].words
    assert suspected.reasons[0].doubt == pytest.approx(weight, rel=0.02)
    if ground not in ("full",):
        assert suspected.suspicion == pytest.approx(weight, rel=0.02)


def test_every_ground_is_tried_above():
    tried = test_each_ground_is_worth_its_weight_and_says_why.pytestmark[0].args[1]

    assert {ground for ground, *_ in tried} == {each.name for each in GROUNDS}


def test_grounds_add_up_as_independent_doubts_do_strongest_first():
    suspected = found(score=0.5, frames=(0.3,))

    assert [reason.doubt for reason in suspected.reasons] == pytest.approx([0.8, 0.5], rel=0.02)
    assert suspected.suspicion == pytest.approx(1 - 0.2 * 0.5, rel=0.02)


def test_the_oddest_class_is_the_one_that_is_named():
    statistics = FolderStatistics(
        ("sky", "coin"),
        (*STATISTICS.areas, *STATISTICS.areas),
        (USUAL, USUAL),
        USUAL,
        USUAL,
        USUAL,
        USUAL,
        near_duplicates={},
    )
    features = MaskFeatures("a", 480, 640, areas=(0.2, 0.01), frames=(0.0, 0.0))

    assert score_suspicion(features, statistics).reasons[0].words == "unusual area (coin 1 %, others 20 %)"


def numbered(count):
    return [f"{number:02}" for number in range(count)]


def damage(path, kind):
    mask = np.array(Image.open(path))
    altered = {
        "shifted": lambda: np.roll(mask, (15, 15), (0, 1)),
        "emptied": lambda: np.zeros_like(mask),
        "eroded": lambda: cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (17, 17))),
    }[kind]()
    Image.fromarray(altered).save(path)


def test_damaged_masks_come_first_and_sound_ones_stay_far_below(tmp_path, draw_scenes):
    folder = draw_scenes(tmp_path / "discs", numbered(24))
    damaged = {"03": "shifted", "08": "emptied", "15": "eroded", "21": "shifted"}
    for name, kind in damaged.items():
        damage(folder / "masks" / f"{name}.png", kind)

    ranked = rank_by_suspicion(read_pairs(folder))

    assert {each.name for each in ranked[:4]} == damaged.keys()
    assert ranked[3].suspicion > 0.8
    assert ranked[4].suspicion < 0.5


def test_an_unreadable_pair_is_the_first_and_a_copied_photo_names_its_original(tmp_path, draw_scenes):
    folder = draw_scenes(tmp_path / "discs", numbered(6))
    (folder / "masks" / "05.png").write_bytes(b"")
    for part in ("photos", "masks"):
        (folder / part / "99.png").write_bytes((folder / part / "02.png").read_bytes())

    first, *others = rank_by_suspicion(read_pairs(folder))

    assert (first.name, first.suspicion) == ("05", 1)
    assert first.reasons[0].words.endswith("is empty (0 bytes); copy it again")
    named = {each.name: reason.words for each in others for reason in each.reasons if "looks like" in reason.words}
    assert named == {"99": "looks like 02"}


def test_a_folder_of_which_nothing_can_be_read_is_ranked_all_the_same(tmp_path, draw_scenes):
    folder = draw_scenes(tmp_path / "discs", numbered(2))
    for path in (folder / "photos").iterdir():
        path.write_bytes(b"nothing")

    assert [(each.name, each.suspicion) for each in rank_by_suspicion(read_pairs(folder))] == [("00", 1), ("01", 1)]


@pytest.mark.skipif(not DATA.is_dir(), reason=f"real photos are not at {DATA}")
def test_of_real_coins_the_damaged_masks_come_first(tmp_path):
    for part in ("photos", "masks"):
        (tmp_path / part).mkdir()
        for path in (DATA / "coins" / part).iterdir():
            (tmp_path / part / path.name).write_bytes(path.read_bytes())
    names = sorted(path.stem for path in (tmp_path / "masks").iterdir())[5::10]
    for name, kind in zip(names, ["eroded", "emptied"] * 3, strict=True):
        mask = np.array(Image.open(tmp_path / "masks" / f"{name}.png").convert("L"))
        Image.fromarray((mask > 0).astype(np.uint8) * 255).save(tmp_path / "masks" / f"{name}.png")
        damage(tmp_path / "masks" / f"{name}.png", kind)

    assert {each.name for each in rank_by_suspicion(read_pairs(tmp_path))[: len(names)]} == set(names)


def test_a_teacher_of_other_classes_is_refused(tmp_path, draw_scenes):
    folder, other = draw_scenes(tmp_path / "discs", numbered(2)), draw_scenes(tmp_path / "others", numbered(2))
    (other / "classes.txt").write_text("coin")

    with pytest.raises(BadInput, match="has the classes coin"):
        rank_by_suspicion(read_pairs(folder), read_pairs(other))
