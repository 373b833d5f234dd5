import json

import pytest

from conversion.artefact import manifest
from conversion.artefact.kinds import KINDS
from conversion.artefact.manifest import Manifest
from conversion.export.budget_search import FILE, LADDERS, _doubling, _ladders, _tightened, parse_limits, read
from conversion.gate.backends import BACKENDS
from training.student.contract import Contract
from training.student.errors import BadInput


def test_limits_are_read_by_their_names_in_budgets():
    assert parse_limits(["iou=0.01", "psnr=40"]) == {"iou_change": 0.01, "psnr": 40.0}


@pytest.mark.parametrize("text", ["iou", "iou=", "iou=small", "size=3", "=1", ""])
def test_a_limit_of_another_form_lists_the_known_ones(text):
    with pytest.raises(BadInput, match="must be iou=NUMBER or worst=NUMBER or flips=NUMBER or psnr=NUMBER"):
        parse_limits([text])


def test_a_limit_tightens_the_standing_budget_and_never_loosens_it():
    standing = _tightened("tflite-int8", {})

    assert _tightened("tflite-int8", {"iou_change": 0.001, "psnr": 60}) == {
        **standing,
        "iou_change": 0.001,
        "psnr": 60,
    }
    assert _tightened("tflite-int8", {"iou_change": 1, "psnr": 1}) == standing
    assert _tightened("tflite-fp32", {"flips": 0.1})["flips"] == 0.1


def test_every_rung_of_every_ladder_can_be_written_and_run():
    for target, ladder in LADDERS.items():
        for precision in ladder:
            assert KINDS[f"{target}-{precision}"].precision == precision
            assert BACKENDS[f"{target}-{precision}"].kind == f"{target}-{precision}"


def test_kept_layers_double_and_never_are_all():
    assert list(_doubling(20)) == [1, 2, 4, 8, 16]
    assert list(_doubling(1)) == []
    assert list(_doubling(0)) == []


def test_who_names_precisions_chooses_among_them_on_the_targets_that_have_them():
    assert _ladders((), ()) == LADDERS
    assert _ladders((), ("int8",)) == {"tflite": ("int8",)}
    assert _ladders(("coreml",), ("fp32", "p6")) == {"coreml": ("p6", "fp32")}
    with pytest.raises(BadInput, match=r"--budget chooses among coreml: p4 p6 .*; none of these was asked for"):
        _ladders(("coreml",), ("int8",))


@pytest.mark.parametrize("file", [FILE, "walk.json"])
def test_a_search_is_read_under_its_name_of_today_and_of_before(tmp_path, file):
    manifest.write(Manifest(Contract(32, 64, 4, ("thing",)), "c" * 64, {}), tmp_path)
    (tmp_path / file).write_text(json.dumps({"checkpoint": "c" * 64, "limits": {}, "photos": ["a"], "steps": {}}))

    found = read(tmp_path)

    assert found is not None
    assert found.photos == ["a"]


def test_a_search_of_another_student_is_none(tmp_path):
    manifest.write(Manifest(Contract(32, 64, 4, ("thing",)), "c" * 64, {}), tmp_path)
    (tmp_path / FILE).write_text(json.dumps({"checkpoint": "d" * 64, "limits": {}, "photos": ["a"], "steps": {}}))

    assert read(tmp_path) is None
