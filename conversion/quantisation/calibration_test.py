import json

import numpy as np
import pytest
from PIL import Image

from conversion.quantisation.calibration import from_run
from training.run import Run
from training.student.contract import Contract
from training.student.errors import BadInput

CONTRACT = Contract(32, 64, 4, ("thing",))


@pytest.fixture
def run(tmp_path):
    """The record of a run that learnt from photos 2 to 9, each of one brightness, and held 0 and 1 out."""
    for part in ("photos", "masks"):
        (tmp_path / "data" / part).mkdir(parents=True)
    for number in range(10):
        Image.new("RGB", (40, 30), (number * 20, 0, 0)).save(tmp_path / f"data/photos/{number}.png")
        Image.new("L", (40, 30), 255).save(tmp_path / f"data/masks/{number}.png")
    record = {
        "recipe": {},
        "data": {"folder": str(tmp_path / "data"), "classes": ["foreground"], "digest": "", "pairs": 10},
        "train": [str(number) for number in range(2, 10)],
        "validation": [{"name": str(n), "photo": f"{n}.png", "mask": f"{n}.png"} for n in range(2)],
    }
    (tmp_path / "run").mkdir()
    (tmp_path / "run/run.json").write_text(json.dumps(record))
    return Run(tmp_path / "run")


def _reds(calibration):
    return [int(image[0, 0, 0]) for image in calibration.inputs]


def test_photos_are_spread_over_those_that_it_learnt_from_and_none_was_held_out(run):
    assert _reds(from_run(run, CONTRACT)) == [number * 20 for number in range(2, 10)]
    assert _reds(from_run(run, CONTRACT, photos=4)) == [40, 80, 120, 160]


def test_inputs_are_preprocessed_by_the_contract(run):
    assert {(image.shape, image.dtype) for image in from_run(run, CONTRACT).inputs} == {((32, 64, 3), np.dtype("u1"))}


def test_the_digest_follows_the_bytes_of_the_photos_used(run):
    before = from_run(run, CONTRACT, photos=4).sha256

    Image.new("RGB", (40, 30), (9, 9, 9)).save(run.folder.parent / "data/photos/3.png")
    assert from_run(run, CONTRACT, photos=4).sha256 == before

    Image.new("RGB", (40, 30), (9, 9, 9)).save(run.folder.parent / "data/photos/2.png")
    assert from_run(run, CONTRACT, photos=4).sha256 != before


def test_a_record_that_learns_from_what_it_holds_out_is_refused(run):
    record = json.loads(run.record.read_text())
    record["train"].append("0")
    run.record.write_text(json.dumps(record))

    with pytest.raises(BadInput, match="holds 0 out and learns from it"):
        from_run(run, CONTRACT)
