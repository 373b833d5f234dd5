import numpy as np
import onnx
import onnxruntime
import pytest

from conversion.source.graph import read_graph
from conversion.source.reference import Reference

MODEL = """
    <ir_version: 8, opset_import: ["" : 18]>
    test (float[1, 2, 4, 4] image) => (float[1, 2, 4, 4] logits, float[1, 2, 4, 4] late)
    <float[1] two = {2}, int64[1] last = {3}> {
        a = Mul(image, two)
        top, low = Split<axis = 3, num_outputs = 2>(a)
        b = Concat<axis = 3>(low, top)
        c = Sqrt(a)
        d = Add(b, c)
        mean = ReduceMean<keepdims = 1>(d, last)
        late = Mul(d, two)
        logits = Sub(d, mean)
    }
"""


@pytest.fixture
def model():
    return onnx.parser.parse_model(MODEL)


@pytest.fixture
def image():
    return np.random.default_rng(0).random((1, 2, 4, 4), np.float32)


def test_step_by_step_is_the_same_as_at_once(model, image):
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"image": image})

    values = Reference(read_graph(model)).trace(image)

    np.testing.assert_allclose(values["logits"], expected[0], rtol=1e-6)
    np.testing.assert_allclose(values["late"], expected[1], rtol=1e-6)


def test_the_rest_can_be_run_from_the_live_tensors_of_any_place(model, image):
    reference = Reference(read_graph(model))
    values = reference.trace(image)

    for after in range(-1, len(reference.graph.nodes)):
        live = {name: values[name] for name in reference.live(after)}
        outputs = reference.resume(after, live)
        assert all(np.array_equal(outputs[name], values[name]) for name in ("logits", "late"))
        for name in live:
            with pytest.raises(KeyError):
                reference.resume(after, {other: value for other, value in live.items() if other != name})


def test_what_is_changed_on_the_way_changes_what_comes_behind_it_alone(model, image):
    reference = Reference(read_graph(model))
    values = reference.trace(image)
    place = next(place for place, node in enumerate(reference.graph.nodes) if node.outputs == ("d",))

    outputs = reference.resume(place, {**values, "d": values["d"] + 1})

    np.testing.assert_allclose(outputs["late"], values["late"] + 2, rtol=1e-6)
    np.testing.assert_allclose(outputs["logits"], values["logits"], atol=1e-6)
