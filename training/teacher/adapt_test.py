import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file

from training.__main__ import main
from training.data.pairs import read_pairs
from training.student.errors import BadInput
from training.teacher import ranks
from training.teacher.adapt import Knobs, _batch, _loss, adapt, judge
from training.teacher.grounded_sam import Knobs as Grounded
from training.teacher.grounded_sam import build
from training.teacher.phrases import read
from training.teacher.region import clean
from training.teacher.segmenters import SEGMENTERS, Segmenter
from training.teacher.things import things
from training.teacher.weights import find

RINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "rings" / "train"
FAST = {"steps": 2, "batch": 2, "validation": 0.0}


def test_an_adapter_is_learnt_kept_and_used_by_grounded_sam(discs, saved, tmp_path):
    knobs = Knobs(segmenter=saved("sam"), rank=2, **FAST)
    path = tmp_path / "discs.safetensors"

    learnt = adapt(knobs, discs, path, device="cpu")

    assert learnt.things == len(discs.pairs)
    assert learnt.parameters == 2 * 2 * (2 * 16 + 16 * 2), "two blocks, query and value, down and up"
    photo = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    chosen = {"detector": saved("owlv2"), "segmenter": saved("sam"), "floor": 0, "threshold": 0, "most": 4}
    plain, adapted = (
        build(Grounded(**chosen, adapter=adapter), read(["coin"]), None, "cpu") for adapter in (None, path)
    )
    before, after = (teacher.look([photo])[0].arrays for teacher in (plain, adapted))
    assert (before["mask_scores"] != after["mask_scores"]).any()
    assert adapted.weights.keys() - plain.weights.keys() == {"adapter"}


def test_equal_seeds_learn_equally(discs, saved, tmp_path):
    knobs = Knobs(segmenter=saved("sam"), rank=2, **FAST)
    for name in ("a", "b"):
        adapt(knobs, discs, tmp_path / f"{name}.safetensors", device="cpu")

    first, second = (load_file(tmp_path / f"{name}.safetensors") for name in ("a", "b"))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("kind", ["sam_hq", "sam2"])
def test_the_other_segmenters_learn_as_well(discs, saved, tmp_path, kind):
    learnt = adapt(Knobs(segmenter=saved(kind), **FAST), discs, tmp_path / "a.safetensors", device="cpu")

    assert learnt.parameters > 0
    assert (tmp_path / "a.safetensors").is_file()


def test_ranks_are_compared_by_one_command(discs, saved, tmp_path):
    given = ["adapt", "--data", str(discs.folder), "--out", str(tmp_path / "out"), "--ranks", "1,2", "--device", "cpu"]
    overrides = [f"segmenter={saved('sam')}", "steps=1", "batch=2", "validation=0.3"]

    result = CliRunner().invoke(main, [*given, *overrides], catch_exceptions=False)

    assert result.exit_code == 0, result.output
    with (tmp_path / "out" / "ranks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == ["1", "2"]
    assert int(rows[1]["parameters"]) == 2 * int(rows[0]["parameters"])
    assert rows[0]["before"] == rows[1]["before"]
    with Image.open(tmp_path / "out" / "ranks.png") as picture:
        assert picture.width > 400
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "rank1.safetensors",
        "rank2.safetensors",
        "ranks.csv",
        "ranks.png",
    }


@pytest.fixture
def two_rings(tmp_path):
    if not RINGS.is_dir():
        pytest.skip("the photos of rings lie beside the repository, and only where it was written")
    for path in [*RINGS.glob("photos/ring[12].*"), *RINGS.glob("masks/ring[12].*")]:
        (tmp_path / "rings" / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / "rings" / path.parent.name)
    return read_pairs(tmp_path / "rings")


def filling(pairs, folder):
    """Teaches a SAM these very photos, each ring with its inside, as SAMs like to take them; gives its mean IoU."""
    segmenter = Segmenter(find("segmenter", str(folder), SEGMENTERS), device="cpu", arithmetic="fp32")
    network = segmenter.model.network
    shown = [
        (pair, [replace(one, region=clean(one.region, fragment=0, hole=1)) for one in things(pair, 1, 0.02)])
        for pair in pairs.pairs
    ]
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=100)
    rng = np.random.default_rng(0)
    for _ in range(100):
        optimiser.zero_grad()
        _loss(segmenter, _batch(shown, 2, rng), 0.05, rng).backward()
        optimiser.step()
        schedule.step()
    network.save_pretrained(folder)
    return judge(segmenter, shown)


def test_rank_4_overfits_two_rings_and_leaves_their_inside_open(two_rings, small_sam, tmp_path):
    base = small_sam(tmp_path / "sam")
    assert filling(two_rings, base) > 0.9
    knobs = Knobs(segmenter=str(base), rank=4, steps=120, batch=2, learning_rate=0.06, jitter=0, validation=0)

    learnt = adapt(knobs, two_rings, tmp_path / "rings.safetensors", device="cpu")

    # 1024 numbers, on a grid of 8 × 8 patches: a ring is five of them wide.
    assert learnt.parameters == 1024
    assert learnt.before < 0.65
    assert learnt.after > 0.72


@pytest.mark.parametrize("given", ["", "0", "1,", "a", "2,2", "-1"])
def test_ranks_that_are_none_are_refused(given):
    with pytest.raises(BadInput, match="not of the form 1,2,4,8"):
        ranks.read(given)


def test_pairs_that_show_nothing_are_refused(saved, tmp_path):
    for part, values in (("photos", np.zeros((9, 9, 3), np.uint8)), ("masks", np.zeros((9, 9), np.uint8))):
        (tmp_path / part).mkdir()
        Image.fromarray(values).save(tmp_path / part / "one.png")

    with pytest.raises(BadInput, match="show nothing to learn"):
        adapt(Knobs(segmenter=saved("sam"), **FAST), read_pairs(tmp_path), tmp_path / "a.safetensors", device="cpu")
