from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conversion.source import to_onnx
from training.student.errors import BadInput, ConversionRefused

WEIGHT = np.arange(12, dtype=np.float32).reshape(4, 3, 1, 1)
BESIDE = {"location": "weights.bin", "offset": "8", "length": str(WEIGHT.nbytes)}


def model(external=None):
    weight = numpy_helper.from_array(WEIGHT, "weight")
    if external is not None:
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        for key, value in external.items():
            weight.external_data.add(key=key, value=value)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "weight"], ["logits"])],
        "student",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 4, 4))],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (1, 4, 4, 4))],
        [weight],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.fixture
def written(tmp_path):
    """Writes a model, in a folder of its own, with a file of weights beside it."""

    def write(content) -> Path:
        folder = tmp_path / "model"
        folder.mkdir()
        (folder / "weights.bin").write_bytes(bytes(8) + WEIGHT.tobytes())
        (tmp_path / "secret").write_bytes(bytes(1000))
        (folder / "link").symlink_to(tmp_path / "secret")
        path = folder / "model.onnx"
        path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
        return path

    return write


@pytest.mark.parametrize("external", [None, BESIDE, {"location": "weights.bin", "offset": "8"}])
def test_weights_are_read_wherever_they_lie(written, external):
    loaded = to_onnx.load(written(model(external)))

    np.testing.assert_array_equal(numpy_helper.to_array(loaded.graph.initializer[0]), WEIGHT)
    onnx.checker.check_model(loaded, full_check=True)


OUTSIDE = {
    "../secret": "'../secret', outside the model's folder; put it beside",
    "/etc/passwd": "'/etc/passwd', outside the model's folder",
    "link": "'link', outside the model's folder",
    "": "'', outside the model's folder",
    "missing.bin": "'missing.bin', which is missing; put it beside the model",
    ".": r"'\.', which is missing",
    "x" * 5000: "no place in a file|which is missing",
}


@pytest.mark.parametrize(("location", "message"), OUTSIDE.items(), ids=[name[:12] for name in OUTSIDE])
def test_weights_that_a_model_has_no_business_with_are_refused(written, location, message):
    with pytest.raises(ConversionRefused, match=f"tensor 'weight' .*({message})"):
        to_onnx.load(written(model({"location": location})))


@pytest.mark.parametrize("wrong", [{"offset": "9"}, {"offset": "-1"}, {"offset": str(2**63)}, {"offset": "many"}])
def test_weights_beyond_the_end_of_their_file_are_refused(written, wrong):
    with pytest.raises(ConversionRefused, match=r"tensor 'weight' (takes bytes .* has 56|names no place)"):
        to_onnx.load(written(model({**BESIDE, **wrong})))


def sized(*dims):
    damaged = model()
    damaged.graph.initializer[0].dims[:] = dims
    return damaged


def called(name):
    """Protobuf writes no name that is no text, so it is put into the bytes."""
    return model().SerializeToString().replace(b"logits", name)


DAMAGED = {
    "an empty file": (b"", "of 0 bytes holds no network; fetch or export it again"),
    "half a file": (model().SerializeToString()[:-20], "is damaged or no ONNX file"),
    "something else": (b"GIF89a, or thereabouts", "is damaged or no ONNX file|holds no network"),
    "a size that the data have not": (sized(4, 3, 1, 2), "is not a valid ONNX model: .*weight"),
    "a size of terabytes": (sized(2**20, 2**20, 1, 1), "is not a valid ONNX model: .*weight"),
    "a size below zero": (sized(-4, -3, 1, 1), "is not a valid ONNX model: Negative dimension"),
    "a name of two lines": (called(b"lo\nits"), r"names a tensor or node 'lo\\nits'; expected printable text"),
    "a name that is no text": (called(b"lo\xff\xffts"), "is damaged|expected printable text"),
}


@pytest.mark.parametrize(("content", "message"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_refused_in_a_line(written, content, message):
    path = written(content)

    with pytest.raises(ConversionRefused, match=message) as refusal:
        to_onnx.load(path)

    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_file_that_cannot_be_read_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match=r"cannot read .*missing\.onnx: No such file"):
        to_onnx.load(tmp_path / "missing.onnx")
