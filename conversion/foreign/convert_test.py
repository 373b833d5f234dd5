import cv2
import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from conversion.__main__ import main
from conversion.foreign.convert import _measure, _synthetic_pictures
from conversion.foreign.input_spec import InputSpec, ModelSpec
from conversion.foreign.wrap_onnx import wrap_model
from conversion.gate import drift
from conversion.gate.negative_controls import CONTROLS
from conversion.inspection import inspect
from conversion.source import to_onnx

NODES = "x = Conv <pads = [1, 1, 1, 1]> (photo, w) y = Relu(x) z = Conv(y, v) result = Sigmoid(z)"


@pytest.fixture
def model(tmp_path):
    """A network of 24 × 32 from elsewhere, from RGB of 0 to 1 to probabilities, in an old opset with an open batch."""
    text = f"""
        <ir_version: 6, opset_import: ["" : 7]>
        network (float[N, 3, 24, 32] photo) => (float[N, 1, 24, 32] result) {{ {NODES} }}
    """
    proto = onnx.parser.parse_model(text)
    rng = np.random.default_rng(0)
    for name, shape in (("w", (8, 3, 3, 3)), ("v", (1, 8, 1, 1))):
        weights = rng.normal(size=shape).astype(np.float32)
        # As exporters of that time wrote them: listed as inputs as well.
        proto.graph.input.append(onnx.helper.make_tensor_value_info(name, 1, shape))
        proto.graph.initializer.append(onnx.numpy_helper.from_array(weights, name))
    path = tmp_path / "foreign.onnx"
    onnx.save(proto, str(path))
    return path


def _run(*arguments):
    return CliRunner().invoke(main, ["convert", *map(str, arguments)])


@pytest.mark.parametrize(("target", "suffix"), [("tflite", "tflite"), ("coreml", "mlpackage")])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_an_artefact_is_compared_written_and_carries_the_contract(model, target, suffix, precision):
    result = _run(model, "--to", target, "--precision", precision, "--input-range", "0,1", "--classes", "person")

    assert result.exit_code == 0, result.output
    assert "8 made-up pictures, no photos" in result.output
    found = inspect(model.with_name(f"foreign-{precision}.{suffix}"))
    assert found.contract.classes == ("person",)
    assert (found.contract.height, found.contract.width, found.contract.stride) == (24, 32, 1)


def test_photos_of_a_folder_are_what_it_is_compared_on(model, tmp_path):
    (tmp_path / "photos").mkdir()
    for name, picture in zip("ab", _synthetic_pictures(40, 50), strict=False):
        cv2.imwrite(str(tmp_path / "photos" / f"{name}.png"), picture)

    result = _run(model, "--to", "tflite", "--photos", tmp_path, "--out", tmp_path / "out.tflite")

    assert result.exit_code == 0, result.output
    assert "against ONNX Runtime on 2 photos of" in result.output


def test_a_breach_ends_with_exit_code_4_and_writes_nothing(model):
    proto = onnx.load(str(model))
    # Too small for float16, and made large again behind a Relu, through which no product is folded.
    weights = proto.graph.initializer[1]
    weights.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weights) * np.float32(1e-9), "v"))
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.float32([1e9]), "much"))
    proto.graph.node.insert(3, onnx.helper.make_node("Relu", ["z"], ["positive"]))
    proto.graph.node.insert(4, onnx.helper.make_node("Mul", ["positive", "much"], ["large"]))
    proto.graph.node[-1].input[0] = "large"
    onnx.save(proto, str(model))

    result = _run(model, "--to", "tflite", "--input-range", "0,1")

    assert result.exit_code == 4, result.output
    assert "nothing was written: on 8 made-up pictures" in result.output
    assert [path.name for path in model.parent.iterdir()] == ["foreign.onnx"]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("control", CONTROLS)
def test_the_comparison_notices_every_common_mistake(model, control, precision):
    wrapped = wrap_model(to_onnx.load(model), ModelSpec(InputSpec(range=(0.0, 1.0))))
    budget = drift.read_budgets()[0][precision]

    found = _measure(wrapped, CONTROLS[control](wrapped.reference), _synthetic_pictures(24, 32), (24, 32))

    assert drift.breaches(found, {name: budget[name] for name in budget if name != "iou_change"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "tflite", "--out", "model.mlpackage"], "must end in .tflite"),
        (["--to", "coreml", "--out", "model.tflite"], "must end in .mlpackage"),
        (["--to", "tflite", "--photos", "/nowhere"], "is not a folder"),
        (["--to", "tflite", "--photos", "."], "holds no photos"),
        (["--to", "tflite", "--mean", "1,2"], "--mean is '1,2'"),
        (["--to", "tflite", "--size", "24"], "--size is '24'"),
        (["--to", "tflite", "--output", "absent"], "computes no 'absent'"),
    ],
)
def test_a_wrong_option_ends_with_exit_code_2_in_one_line(model, arguments, message):
    result = _run(model, *arguments)

    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_file_that_is_no_model_ends_in_one_line(tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"no protobuf")

    for name, code in (("broken.onnx", 3), ("absent.onnx", 2)):
        result = _run(tmp_path / name, "--to", "tflite")
        assert result.exit_code == code
        assert len(result.output.strip().splitlines()) == 1
