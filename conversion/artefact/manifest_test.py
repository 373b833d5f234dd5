import json

import pytest

from conversion.artefact import manifest
from conversion.artefact.kinds import select_kinds, size
from conversion.artefact.manifest import Artefact, Manifest
from training.student.contract import Contract
from training.student.errors import BadInput

MANIFEST = Manifest(
    Contract(32, 64, 4, ("thing",)),
    checkpoint="c" * 64,
    artefacts={"onnx": Artefact("onnx", "fp32", "student.onnx", "a" * 64, 10, 0.5)},
    versions={"onnx": "1"},
)


def test_a_manifest_comes_back_as_it_was_written(tmp_path):
    manifest.write(MANIFEST, tmp_path)

    assert manifest.read(tmp_path) == MANIFEST


@pytest.mark.parametrize("file", ["../student.onnx", "/etc/passwd", "a/b.onnx", "..", ""])
def test_a_file_name_that_could_lead_elsewhere_is_refused(tmp_path, file):
    manifest.write(MANIFEST, tmp_path)
    record = json.loads((tmp_path / manifest.FILE).read_text())
    record["artefacts"]["onnx"]["file"] = file
    (tmp_path / manifest.FILE).write_text(json.dumps(record))

    with pytest.raises(BadInput, match="not a file beside it"):
        manifest.read(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2}', '{"schema": 1, "artefacts": {"onnx": 3}}'])
def test_a_damaged_manifest_is_named(tmp_path, text):
    (tmp_path / manifest.FILE).write_text(text)

    with pytest.raises(BadInput, match=r"manifest\.json"):
        manifest.read(tmp_path)


def test_a_missing_manifest_says_how_to_make_one(tmp_path):
    with pytest.raises(BadInput, match="make export-coreml"):
        manifest.read(tmp_path)


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text("1")

    assert size(tmp_path / "a") == 1
    assert size(tmp_path) == 2


def test_an_unknown_target_lists_the_known_ones():
    with pytest.raises(BadInput, match="unknown target 'coreMl'; expected one of onnx, coreml, tflite"):
        select_kinds(("coreMl",))
