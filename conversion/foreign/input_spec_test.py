import numpy as np
import onnxruntime
import pytest
from onnx.helper import make_graph, make_model, make_opsetid, make_tensor_value_info

from conversion.foreign.input_spec import InputSpec, parse_model_spec
from training.student.errors import BadInput

DEFAULT_OPTIONS = {
    "input_range": "0,255",
    "mean": "0",
    "std": "1",
    "bgr": False,
    "layout": "nchw",
    "size": None,
    "output": None,
    "activation": None,
    "classes": "",
}


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("bgr", [False, True])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"range": (0.0, 1.0)},
        {"range": (-1.0, 1.0)},
        {"range": (0.0, 1.0), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
        {"mean": (103.94, 116.78, 123.68)},
        {"range": (-2.0, 5.0), "mean": (1.0, -3.0, 0.5), "std": (0.3, 7.0, 1.0)},
    ],
)
def test_the_operators_compute_what_the_numbers_say(fields, bgr, layout):
    spec = InputSpec(**fields, bgr=bgr, layout=layout)
    nodes, constants = spec.as_nodes("image", "own")
    image = make_tensor_value_info("image", 1, (1, 3, 5, 7))
    body = make_graph(nodes, "front", [image], [make_tensor_value_info("own", 1, None)], constants)
    model = make_model(body, opset_imports=[make_opsetid("", 7)], ir_version=8)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)

    session = onnxruntime.InferenceSession(model.SerializeToString())
    folded = session.run(None, {"image": pixels.transpose(2, 0, 1)[None].astype(np.float32)})[0]

    np.testing.assert_allclose(folded, spec.apply(pixels), rtol=1e-5, atol=1e-5)


def test_black_and_white_are_the_ends_of_the_range():
    spec = InputSpec(range=(-1.0, 1.0))

    assert spec.apply(np.zeros((1, 1, 3), np.uint8)).ravel().tolist() == [-1, -1, -1]
    assert spec.apply(np.full((1, 1, 3), 255, np.uint8)).ravel().tolist() == [1, 1, 1]


def test_mean_and_std_are_in_the_models_own_order_of_channels():
    rgb = np.array([[[10, 20, 30]]], np.uint8)

    assert InputSpec(mean=(30.0, 20.0, 10.0), bgr=True).apply(rgb).ravel().tolist() == [0, 0, 0]


def test_raw_rgb_needs_no_arithmetic():
    nodes, constants = InputSpec().as_nodes("image", "own")

    assert [node.op_type for node in nodes] == ["Identity"]
    assert not constants


def test_texts_become_numbers():
    options = {"input_range": "-1,1", "mean": "0.5", "std": "1,2,4", "size": "96x64", "classes": "sky, road"}

    found = parse_model_spec(**{**DEFAULT_OPTIONS, **options})

    assert found.input == InputSpec((-1.0, 1.0), (0.5, 0.5, 0.5), (1.0, 2.0, 4.0))
    assert (found.size, found.classes) == ((96, 64), ("sky", "road"))


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("input_range", "1", "expected numbers: LOW,HIGH"),
        ("input_range", "0,1,2", "expected numbers: LOW,HIGH"),
        ("input_range", "a,b", "expected numbers: LOW,HIGH"),
        ("input_range", "1,0", "is empty"),
        ("input_range", "0,inf", "finite"),
        ("mean", "1,2", "one for all channels, or three"),
        ("mean", "nan", "finite"),
        ("std", "", "one for all channels, or three"),
        ("std", "1,0,1", "must be positive"),
        ("size", "256", "HEIGHTxWIDTH"),
        ("size", "0x64", "HEIGHTxWIDTH"),
        ("size", "-8x64", "HEIGHTxWIDTH"),
        ("classes", "sky,,road", "none empty"),
        ("classes", "sky,sky", "none twice"),
        ("layout", "hwc", "nchw or nhwc"),
    ],
)
def test_what_cannot_be_read_is_named(option, text, message):
    with pytest.raises(BadInput, match=message) as caught:
        parse_model_spec(**{**DEFAULT_OPTIONS, option: text})

    assert "\n" not in str(caught.value)
