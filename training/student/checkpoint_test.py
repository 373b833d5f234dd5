import dataclasses
import json
import pickletools

import pytest
import torch
from safetensors.torch import load_file, save_file

from training.student.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.network import Architecture, Student

CONTRACT = Contract(64, 96, 4, ("coin",), threshold=0.25, open=3)
ARCHITECTURE = Architecture("tu-mobilenetv3_small_100", (16, 16, 8), True, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
FACTS = {"epoch": 3, "validation_iou": 0.875, "recipe": {"epochs": 3}}


@pytest.fixture(scope="module")
def checkpoint():
    return Checkpoint(Student(CONTRACT, ARCHITECTURE).eval(), CONTRACT, ARCHITECTURE, FACTS)


@pytest.fixture
def saved(checkpoint, tmp_path):
    path = tmp_path / "student.safetensors"
    save_checkpoint(checkpoint, path)
    return path


def test_a_student_comes_back_with_all_that_is_known_of_it(checkpoint, saved):
    photo = torch.rand(1, 3, 64, 96) * 255

    found = load_checkpoint(saved)

    with torch.inference_mode():
        assert torch.equal(found.student(photo), checkpoint.student(photo))
    assert not found.student.training
    assert (found.contract, found.architecture, found.facts) == (CONTRACT, ARCHITECTURE, FACTS)
    assert sorted(path.name for path in saved.parent.iterdir()) == ["student.json", "student.safetensors"]


def test_a_student_in_channels_last_memory_is_saved_as_any(checkpoint, tmp_path):
    student = Student(CONTRACT, ARCHITECTURE)
    student.load_state_dict(checkpoint.student.state_dict())
    student.to(memory_format=torch.channels_last)

    save_checkpoint(dataclasses.replace(checkpoint, student=student), tmp_path / "student.safetensors")

    found = load_checkpoint(tmp_path / "student.safetensors").student.state_dict()
    assert all(torch.equal(found[name], value) for name, value in checkpoint.student.state_dict().items())


def test_the_file_holds_no_pickle(saved):
    with pytest.raises(ValueError, match=r"opcode|at position"):
        list(pickletools.genops(saved.read_bytes()))


def test_a_checkpoint_by_the_old_names_of_options_is_still_read(checkpoint, saved, capsys):
    path = saved.with_suffix(".json")
    record = json.loads(path.read_text())
    record["architecture"]["slim"] = record["architecture"].pop("width_multiplier")
    record["architecture"]["join"] = record["architecture"].pop("decoder_type")
    record["facts"]["recipe"] = {"epochs": 3, "average": 0.5}
    path.write_text(json.dumps(record))

    found = load_checkpoint(saved)

    assert found.architecture == ARCHITECTURE
    assert found.facts["recipe"] == {"epochs": 3, "ema_decay": 0.5}
    assert capsys.readouterr().err == (
        f"note: {path}: slim is now width_multiplier, join is now decoder_type; the next version reads the new names "
        f"only\nnote: the recipe in {path}: average is now ema_decay; the next version reads the new names only\n"
    )
    record["architecture"]["width_multiplier"] = []
    path.write_text(json.dumps(record))
    with pytest.raises(BadInput, match="gives both width_multiplier and slim"):
        load_checkpoint(saved)


@pytest.mark.parametrize("name", ["student.safetensors", "student.json"])
def test_a_missing_file_is_named(saved, name):
    (saved.parent / name).unlink()

    with pytest.raises(BadInput, match=rf"no checkpoint at .*{name}; train one with"):
        load_checkpoint(saved)


def altered(path, **changes):
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": {}},
        {"architecture": []},
        {"architecture": {**dataclasses.asdict(ARCHITECTURE), "decoder": "wide"}},
        {"architecture": {**dataclasses.asdict(ARCHITECTURE), "mean": None}},
        {"facts": None},
    ],
)
def test_a_record_that_describes_no_student_is_refused(saved, changes):
    altered(saved.with_suffix(".json"), **changes)

    with pytest.raises(BadInput, match=r"student\.json is not what it should be \(.*\); train it again"):
        load_checkpoint(saved)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}"])
def test_a_damaged_record_is_refused(saved, text):
    saved.with_suffix(".json").write_text(text)

    with pytest.raises(BadInput, match=r"student\.json is not (JSON|what it should be) \(.*\); train it again"):
        load_checkpoint(saved)


def test_a_record_of_another_version_says_both(saved):
    altered(saved.with_suffix(".json"), schema=2)

    with pytest.raises(BadInput, match="has schema 2, this version reads 1"):
        load_checkpoint(saved)


def test_weights_of_another_student_are_refused_by_the_tensor_that_differs(saved):
    weights = load_file(saved)
    weights["head.weight"] = torch.ones(3, 8, 1, 1)
    save_file(weights, saved)

    with pytest.raises(BadInput, match=r"not hold the weights that student.json describes: .*head\.weight.*\[3, 8"):
        load_checkpoint(saved)


def test_a_truncated_file_is_refused(saved):
    saved.write_bytes(saved.read_bytes()[:-100])

    with pytest.raises(BadInput, match=r"does not hold the weights that student\.json describes"):
        load_checkpoint(saved)


def test_saving_over_an_older_student_replaces_it(checkpoint, saved):
    save_checkpoint(dataclasses.replace(checkpoint, facts={"epoch": 4}), saved)

    assert load_checkpoint(saved).facts == {"epoch": 4}
