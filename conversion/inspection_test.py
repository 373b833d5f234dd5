from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import helper, numpy_helper

from conversion.__main__ import main
from conversion.artefact.kinds import DEFAULTS, KINDS
from conversion.artefact.metadata import CONTRACT_KEY, ENCODER_KEY
from conversion.export.export import emit
from conversion.inspection import inspect
from conversion.source.graph import read_graph
from training.student.checkpoint import Checkpoint, save_checkpoint
from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.network import Architecture, Student
from training.student.normalisation import NEUTRAL

PEERS = Path(__file__).resolve().parents[2] / "shared" / "peers"
CONTRACT = Contract(8, 12, 1, ("sky", "road", "tree"))
STUDENT = Contract(64, 96, 4, ("thing",))


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory):
    """One small network in every form: a convolution of 81 weights, then a Relu."""
    folder = tmp_path_factory.mktemp("artefacts")
    weights = np.random.default_rng(0).normal(size=(3, 3, 3, 3)).astype(np.float32)
    image, logits = (helper.make_tensor_value_info(name, 1, (1, 3, 8, 12)) for name in ("image", "logits"))
    nodes = [
        helper.make_node("Conv", ["image", "weights"], ["scores"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["scores"], ["logits"]),
    ]
    body = helper.make_graph(nodes, "small", [image], [logits], [numpy_helper.from_array(weights, "weights")])
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(model, {CONTRACT_KEY: CONTRACT.to_json(), ENCODER_KEY: "resnet18", "author": "A. Nother"})
    onnx.save(model, str(folder / "student.onnx"))
    for kind in KINDS.values():
        if kind.target != "onnx" and kind.precision in DEFAULTS:
            emit(read_graph(model), kind, folder / kind.file, CONTRACT)
    architecture = Architecture("tu-mobilenetv2_050", (16, 16, 16, 16, 16), True, NEUTRAL, NEUTRAL)
    student = Student(STUDENT, architecture)
    save_checkpoint(Checkpoint(student, STUDENT, architecture, {"epoch": 3}), folder / "student.safetensors")
    return folder


@pytest.mark.parametrize(
    ("file", "operators", "weights"),
    [
        ("student.onnx", {"Conv": 1, "Relu": 1}, {"float": 4 * 81}),
        ("student-fp32.tflite", {"CONV_2D": 1}, {"float32": 4 * 81 + 4 * 3}),
        ("student-fp16.tflite", {"CONV_2D": 1, "DEQUANTIZE": 2}, {"float16": 2 * 81 + 2 * 3}),
    ],
)
def test_operators_and_stored_weights_are_counted(artefacts, file, operators, weights):
    found = inspect(artefacts / file)

    assert found.contents.operators == operators
    assert found.contents.weights == weights
    assert found.contract == CONTRACT


@pytest.mark.parametrize(("precision", "stored"), [("fp32", {"float32": 4 * 81}), ("fp16", {"float16": 2 * 81})])
def test_a_core_ml_package_shows_its_program_and_its_words(artefacts, precision, stored):
    found = inspect(artefacts / f"student-{precision}.mlpackage")

    assert {"conv", "relu"} <= set(found.contents.operators)
    assert stored.items() <= dict(found.contents.weights).items()
    assert [str(tensor) for tensor in found.contents.inputs] == ["image (8, 12) image RGB"]
    assert found.contract == CONTRACT


def test_a_tflite_file_shows_its_partitions_and_what_it_says_to_mediapipe(artefacts):
    found = inspect(artefacts / "student-fp32.tflite")

    assert "XNNPACK runs it in 1 partition; outside: nothing" in found.contents.notes
    assert found.contents.metadata["labels.txt"] == ["sky", "road", "tree"]
    assert found.contents.metadata["TFLITE_METADATA"]["author"] == "A. Nother"
    assert [str(tensor) for tensor in found.contents.outputs] == ["logits (1, 8, 12, 3) float32"]


def test_a_checkpoint_shows_its_layers_and_its_training(artefacts):
    found = inspect(artefacts / "student.safetensors")

    assert found.contract == STUDENT
    assert found.contents.operators["Conv2d"] > 10
    assert found.contents.metadata["epoch"] == 3


@pytest.mark.parametrize(
    "file", ["student.onnx", "student-fp16.tflite", "student-fp16.mlpackage", "student.safetensors"]
)
def test_json_and_text_tell_the_same(artefacts, file):
    found = inspect(artefacts / file)

    record = found.as_record()
    assert record["sha256"] in str(found)
    assert record["contract"]["classes"] == list(found.contract.classes)
    assert record["bytes"] > 0


@pytest.mark.parametrize(
    ("file", "encoder"),
    [
        ("student.onnx", "resnet18"),
        ("student-fp16.tflite", "resnet18"),
        ("student-fp16.mlpackage", "resnet18"),
        ("student.safetensors", "tu-mobilenetv2_050"),
    ],
)
def test_what_the_support_table_knows_of_the_encoder_is_told(artefacts, file, encoder):
    found = inspect(artefacts / file)

    assert f"{encoder}, measured untrained against torch: tflite-fp32 " in str(found)
    assert found.as_record()["support"]["tflite-fp32"]["status"] == "validated"


def test_a_contract_that_cannot_be_read_is_a_note_and_no_error(artefacts, tmp_path):
    model = onnx.load(str(artefacts / "student.onnx"))
    helper.set_model_props(model, {CONTRACT_KEY: "{}"})
    onnx.save(model, str(tmp_path / "odd.onnx"))

    found = inspect(tmp_path / "odd.onnx")

    assert found.contract is None
    assert "its contract cannot be read" in found.contents.notes[-1]


@pytest.mark.parametrize("file", ["student.onnx", "student-fp32.tflite"])
def test_a_file_cut_short_ends_in_one_line(artefacts, tmp_path, file):
    whole = (artefacts / file).read_bytes()
    for end in range(0, len(whole) - len(whole) // 4, len(whole) // 23):
        (tmp_path / file).write_bytes(whole[:end])
        with pytest.raises(BadInput, match=r"\A[^\n]*convert it again|export it again\Z"):
            inspect(tmp_path / file)


def test_a_package_whose_weights_are_cut_short_is_refused(artefacts, tmp_path):
    package = tmp_path / "student.mlpackage"
    for path in (artefacts / "student-fp32.mlpackage").rglob("*"):
        if path.is_file():
            copy = package / path.relative_to(artefacts / "student-fp32.mlpackage")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes()[: 200 if path.suffix == ".bin" else None])

    with pytest.raises(BadInput, match=r"the weights of .* are damaged"):
        inspect(package)


@pytest.mark.parametrize("name", ["absent.tflite", "photo.jpg", "folder.tflite", "file.mlpackage"])
def test_what_is_no_model_ends_with_exit_code_2_in_one_line(tmp_path, name):
    (tmp_path / "photo.jpg").write_bytes(b"JFIF")
    (tmp_path / "folder.tflite").mkdir()
    (tmp_path / "file.mlpackage").write_bytes(b"")

    result = CliRunner().invoke(main, ["inspect", str(tmp_path / name)])

    assert result.exit_code == 2
    assert len(result.output.strip().splitlines()) == 1


@pytest.mark.skipif(not PEERS.is_dir(), reason=f"other people's models are not at {PEERS}")
def test_strangers_files_are_read_without_a_contract():
    selfie = inspect(PEERS / "mediapipe_selfie_segmentation.tflite")
    portrait = inspect(PEERS / "prisma_portrait.onnx")

    assert selfie.contract is portrait.contract is None
    assert selfie.contents.operators["custom Convolution2DTransposeBias"] == 1
    assert [str(tensor) for tensor in portrait.contents.inputs] == ["input_3 (None, 3, 256, 256) float"]
