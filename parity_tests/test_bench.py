"""The table of `bench`: every artefact of a trained student, with somebody else's file beside."""

import json
import re
import shutil

import pytest
from click.testing import CliRunner

from conversion.__main__ import main
from conversion.benchmark import artefacts
from conversion.report.report import write_report
from training.run import Run


@pytest.fixture
def run(verified, tmp_path, monkeypatch):
    """A copy, timed against a small file in place of the usual UNet, whose export alone takes ten seconds."""
    copy = Run(shutil.copytree(verified.run.folder, tmp_path / "run"))
    write_report(copy)
    student = copy.export / "student-fp32.tflite"
    monkeypatch.setattr(
        artefacts, "_emitted_usual", lambda listed, folder: shutil.copy(student, folder / "usual.tflite")
    )
    return copy


def call(*arguments):
    return CliRunner().invoke(main, ["bench", *map(str, arguments), "--repetitions", "2"])


def test_every_artefact_has_a_row_and_so_has_a_stranger(verified, run, tmp_path):
    stranger = shutil.copy(run.export / "student.onnx", tmp_path / "stranger.onnx")

    done = call(run.folder, stranger, "--json")

    assert done.exit_code == 0, done.output
    rows = {row["name"]: row for row in json.loads(done.stdout)["result"]["rows"]}
    assert set(rows) == {
        *(f"student-{precision}.{end}" for precision in ("fp32", "fp16") for end in ("tflite", "mlpackage")),
        *("student.onnx", "stranger.onnx", artefacts.USUAL),
    }
    student, package, other = rows["student-fp16.tflite"], rows["student-fp16.mlpackage"], rows["stranger.onnx"]
    assert student["iou"] == verified.parity.teacher_iou["tflite-fp16"]
    assert student["loss"] == verified.parity.teacher_iou["torch"] - student["iou"]
    assert student["pieces"] == 1
    assert 0 < student["one"]["p50"] <= student["one"]["p90"]
    assert student["peak"] > 0
    assert package["iou"] is not None
    assert package["one"] is None
    assert other["iou"] is None
    assert other["one"]["p50"] > 0


def test_what_was_timed_is_in_the_table_and_on_the_report(run):
    done = call(run.folder)

    found = artefacts.read(run)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("file ")
    assert re.search(rf"^student-fp32.tflite +{found.rows[0].megabytes:.2f} ", done.stdout, re.MULTILINE)
    assert "time by operator" in done.stdout
    assert found.machine in done.stdout
    assert found.machine in run.report.read_text()
    shown = {one["file"]: one["ms"] for one in json.loads(run.report.with_suffix(".json").read_text())["artefacts"]}
    assert shown["student-fp16.tflite"] == next(row.one.p50 for row in found.rows if row.name == "student-fp16.tflite")
    assert shown["student-fp16.mlpackage"] is None


def test_a_bad_file_stops_it_before_anything_is_timed(run, tmp_path):
    (tmp_path / "bad.tflite").write_bytes(b"no model" * 9)

    done = call(run.folder, tmp_path / "bad.tflite")

    assert done.exit_code == 2
    assert "bad.tflite cannot be opened" in done.stderr
    assert not run.bench.exists()


def test_a_damaged_record_is_refused(run):
    run.bench.write_text("{}")

    done = CliRunner().invoke(main, ["report", str(run.folder)])

    assert done.exit_code == 2
    assert "bench.json is not what it should be" in done.stderr
