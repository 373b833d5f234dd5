import numpy as np
import onnx
import onnxruntime
import pytest

from conversion.foreign.input_spec import InputSpec, ModelSpec
from conversion.foreign.wrap_onnx import wrap_model
from training.student.errors import BadInput, ConversionRefused

SIZE = (8, 12)


def _model(nodes, *, image="float[N, 3, 8, 12] photo", outputs="float[a, b, c, d] result", opset=18, channels=2):
    """A network in ONNX's text form; `w` are the weights of a convolution to `channels`."""
    text = f"""
        <ir_version: 8, opset_import: ["" : {opset}]>
        network ({image}) => ({outputs}) {{ {nodes} }}
    """
    model = onnx.parser.parse_model(text)
    weights = np.random.default_rng(0).normal(size=(channels, 3, 1, 1)).astype(np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    return model


def _spec(**fields):
    return ModelSpec(InputSpec(range=(0.0, 1.0), layout=fields.pop("layout", "nchw")), **fields)


def _original(model, image, **fields):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: InputSpec(range=(0.0, 1.0), **fields).apply(image)})[0]


@pytest.fixture
def image():
    return np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8)


def test_a_final_sigmoid_is_taken_off_and_nothing_else(image):
    model = _model("x = Conv(photo, w) result = Sigmoid(x)", channels=1)

    found = wrap_model(model, _spec())

    np.testing.assert_allclose(1 / (1 + np.exp(-found.reference(image))), _original(model, image)[0], rtol=1e-5)
    assert "Sigmoid 'result' was removed" in found.notes[0]
    assert (found.contract.stride, found.contract.classes) == (1, ("foreground",))
    assert found.graph.inputs == ("image",)
    assert found.graph.outputs == ("logits",)


def test_a_sigmoid_is_found_behind_a_transpose(image):
    nodes = """x = Conv(photo, w) y = Transpose <perm = [0, 2, 3, 1]> (x) z = Sigmoid(y)
               result = Transpose <perm = [0, 3, 1, 2]> (z)"""
    model = _model(nodes, channels=1)

    found = wrap_model(model, _spec())

    assert "Sigmoid" not in {node.operator for node in found.graph.nodes}
    np.testing.assert_allclose(1 / (1 + np.exp(-found.reference(image))), _original(model, image)[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("nodes", "opset"),
    [
        ("x = Conv(photo, w) result = Softmax <axis = 1> (x)", 13),
        (
            """x = Conv(photo, w) y = Transpose <perm = [0, 2, 3, 1]> (x) z = Softmax <axis = 3> (y)
               result = Transpose <perm = [0, 3, 1, 2]> (z)""",
            11,
        ),
    ],
)
def test_a_softmax_over_the_classes_is_taken_off(nodes, opset, image):
    model = _model(nodes, opset=opset, channels=3)

    found = wrap_model(model, _spec(classes=("sky", "road", "tree")))

    assert found.contract.classes == ("sky", "road", "tree")
    assert (found.reference(image).argmax(axis=0) == _original(model, image)[0].argmax(axis=0)).all()
    assert "Softmax" not in {node.operator for node in found.graph.nodes}


@pytest.mark.parametrize(("axis", "opset"), [(2, 13), (1, 11)])
def test_a_softmax_over_more_or_other_than_the_classes_stays_and_there_is_no_contract(axis, opset):
    model = _model(f"x = Conv(photo, w) result = Softmax <axis = {axis}> (x)", opset=opset)

    found = wrap_model(model, _spec())

    assert found.contract is None
    assert "a Softmax, so its output is not logits" in found.notes[-1]


def test_a_bounded_output_has_no_contract_unless_the_user_knows_better():
    model = _model("x = Conv(photo, w) result = Relu(x)")

    assert wrap_model(model, _spec()).contract is None
    assert wrap_model(model, _spec(activation="logits")).contract is not None


def test_probabilities_that_no_operator_makes_have_no_contract():
    model = _model("x = Conv(photo, w) result = Exp(x)")

    found = wrap_model(model, _spec(activation="softmax"))

    assert found.contract is None


def test_tensors_that_already_bear_our_names_step_aside(image):
    model = _model("image = Conv(logits, w) result = Neg(image)", image="float[1, 3, 8, 12] logits")

    found = wrap_model(model, _spec())

    np.testing.assert_allclose(found.reference(image), _original(model, image)[0], rtol=1e-5)
    assert found.graph.inputs == ("image",)


def test_channels_last_become_channels_first(image):
    nodes = """x = Transpose <perm = [0, 3, 1, 2]> (photo) y = Conv <strides = [2, 2]> (x, w)
               result = Transpose <perm = [0, 2, 3, 1]> (y)"""
    model = _model(nodes, image="float[1, 8, 12, 3] photo", channels=4)

    found = wrap_model(model, _spec(layout="nhwc"))

    assert found.graph.shapes["image"] == (1, 3, 8, 12)
    assert found.graph.shapes["logits"] == (1, 4, 4, 6)
    assert found.contract.stride == 2
    np.testing.assert_array_equal(found.reference(image), _original(model, image, layout="nhwc")[0].transpose(2, 0, 1))


def test_an_open_size_is_fixed():
    model = _model("result = Conv(photo, w)", image="float[N, 3, H, W] photo")

    assert wrap_model(model, _spec(size=(64, 96))).graph.shapes["image"] == (1, 3, 64, 96)
    with pytest.raises(ConversionRefused, match="say which with --size"):
        wrap_model(model, _spec())


def test_one_of_several_outputs_or_any_tensor_can_be_chosen():
    nodes = "x = Conv(photo, w) first = Neg(x) second = NonMaxSuppression(x, x)"
    model = _model(nodes, outputs="float[a, b, c, d] first, int64[e, 3] second")

    assert wrap_model(model, _spec(output="first")).contract is not None
    assert wrap_model(model, _spec(output="x")).contract is not None
    with pytest.raises(BadInput, match="outputs first, second; choose one with --output"):
        wrap_model(model, _spec())
    with pytest.raises(BadInput, match="computes no 'third'"):
        wrap_model(model, _spec(output="third"))


def test_scores_on_no_known_stride_convert_without_a_contract():
    model = _model("result = Conv <pads = [1, 1, 1, 1]> (photo, w)")

    found = wrap_model(model, _spec())

    assert found.contract is None
    assert "10 × 14 for an input of 8 × 12; expected a stride of" in found.notes[-1]


CONV, RELU, SIGMOID = (f"x = Conv(photo, w) result = {last}" for last in ("Neg(x)", "Relu(x)", "Sigmoid(x)"))


@pytest.mark.parametrize(
    ("nodes", "options", "fields", "message"),
    [
        (CONV, {"image": "float[1, 3, 8, 12] photo, float[1] other"}, {}, "inputs 'photo', 'other'"),
        (CONV, {"image": "float[1, 4, 8, 12] photo"}, {}, r"\[1, 4, 8, 12\]; expected one RGB image"),
        (CONV, {"image": "float[1, 8, 12, 3] photo"}, {}, "is it --layout nhwc"),
        ("result = Cast <to = 1> (photo)", {"image": "uint8[1, 3, 8, 12] photo"}, {}, "of uint8; expected float32"),
        (CONV, {}, {"size": (64, 96)}, "so its size cannot be 64 × 96; leave --size out"),
        (CONV, {}, {"classes": ("one",)}, "--classes names 1 classes, but the output has 2 channels"),
        (RELU, {}, {"classes": ("a", "b")}, "--classes cannot be used, because the model gets no contract"),
        (SIGMOID, {}, {"activation": "logits"}, "a Sigmoid, so its output is not logits"),
        (SIGMOID, {}, {"activation": "softmax"}, "a Sigmoid, so its output is not softmax"),
        ("x = Conv(photo, w) result = Flatten(x)", {"outputs": "float[a, b] result"}, {}, "expected float32 scores"),
        ("x = Conv(photo, w) result = ArgMax(x)", {"outputs": "int64[a, b, c, d] result"}, {}, "is int64 of shape"),
    ],
)
def test_what_does_not_fit_the_model_is_said_in_one_line(nodes, options, fields, message):
    with pytest.raises(BadInput, match=message) as caught:
        wrap_model(_model(nodes, **options), _spec(**fields))

    assert "\n" not in str(caught.value)


def test_nothing_can_be_put_in_front_of_an_opset_without_broadcasting():
    model = _model("result = Conv(photo, w)", opset=6, image="float[1, 3, 8, 12] photo")

    with pytest.raises(ConversionRefused, match="opset 6"):
        wrap_model(model, _spec())
