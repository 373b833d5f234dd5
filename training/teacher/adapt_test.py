import csv
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
from training.teacher.adapt import Knobs, adapt
from training.teacher.grounded_sam import Knobs as Grounded
from training.teacher.grounded_sam import build
from training.teacher.phrases import read

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
