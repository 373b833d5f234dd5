from pathlib import Path

import numpy as np
import onnx
import pytest

from conversion.gate.error_localisation import READING, error_map, find_faulty_operator, run_both
from conversion.gate.predictions import Photo, evaluate_masks
from conversion.source.graph import read_graph
from conversion.source.reference import Reference
from training.student.contract import Contract

CONTRACT = Contract(32, 64, 4, ("thing",))
BUDGET = {"psnr": 50}
RNG = np.random.default_rng(0)
INPUT = RNG.integers(0, 256, (32, 64, 3), np.uint8)
PHOTO = Photo("noise", Path("noise.png"), INPUT, np.zeros((32, 64), np.uint8))


@pytest.fixture
def reference():
    """Two branches that meet again, so that a fault in one is none of the other's."""
    model = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 18]>
        test (float[1, 3, 32, 64] image) => (float[1, 1, 8, 16] logits) {
            a = Conv<strides = [4, 4]>(image, w)
            b = Sigmoid(a)
            c = Tanh(a)
            d = Relu(c)
            logits = Sub(b, d)
        }
    """)
    weight = RNG.normal(size=(1, 3, 4, 4)).astype(np.float32) / 500
    # With a sum of zero, a bright image gives `a` both signs, and Relu swallows no fault whole.
    weight -= weight.mean()
    model.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    return Reference(read_graph(model))


def _candidate(reference, faults, without=()):
    """A backend that adds each fault's size to that tensor, with noise, and computes on with what comes of it."""

    def trace(image):
        values = {"image": image.transpose(2, 0, 1)[None].astype(np.float32)}
        for place, node in enumerate(reference.graph.nodes):
            (name,) = node.outputs
            value = reference.step(place, values)[name]
            noise = np.random.default_rng(place).normal(size=value.shape).astype(np.float32)
            values[name] = value + faults.get(name, 0) * noise
        return {name: value for name, value in values.items() if name not in without}

    return trace


def _fault(reference, faults, without=(), prediction=None):
    split_run = run_both(reference, _candidate(reference, faults, without), PHOTO)
    expected = evaluate_masks(lambda _: split_run.exact["logits"][0], [PHOTO], CONTRACT)[0]
    return find_faulty_operator(split_run, PHOTO, prediction or expected, CONTRACT, BUDGET)


@pytest.mark.parametrize("tensor", ["a", "b", "c", "d", "logits"])
def test_the_operator_behind_which_an_exact_rest_does_not_help_is_at_fault(reference, tensor):
    fault = _fault(reference, {tensor: 0.1})

    assert fault.tensor == tensor
    assert len(fault.operators) == 1
    assert fault.breaches[0].startswith("psnr")


def test_small_faults_add_up_until_one_is_too_many(reference):
    exact = run_both(reference, _candidate(reference, {}), PHOTO).exact["logits"]
    small = 0.75 * float(np.ptp(exact)) * 10 ** (-BUDGET["psnr"] / 20)

    assert _fault(reference, {"b": small}) is None
    assert _fault(reference, {"d": small}) is None
    assert _fault(reference, {"b": small, "d": small, "logits": small}).tensor == "d"


def test_a_fault_that_the_rest_swallows_is_no_fault(reference):
    """Below zero, Relu lets nothing through."""
    below = run_both(reference, _candidate(reference, {}), PHOTO).exact["c"] < -0.2

    def candidate(image):
        values = dict(_candidate(reference, {})(image))
        values["c"] = values["c"] + np.where(below, np.float32(-0.5), np.float32(0))
        return values

    assert below.any()
    split_run = run_both(reference, candidate, PHOTO)
    prediction = evaluate_masks(lambda _: split_run.exact["logits"][0], [PHOTO], CONTRACT)[0]
    assert find_faulty_operator(split_run, PHOTO, prediction, CONTRACT, BUDGET) is None
    assert min(point.psnr for point in split_run.points()) < 40


def test_what_the_artefact_does_not_show_is_blamed_together(reference):
    fault = _fault(reference, {"c": 0.1}, without={"c"})

    assert [name.split()[0] for name in fault.operators] == ["Tanh", "Relu"]
    assert fault.tensor == "d"


def test_nan_is_at_fault_where_it_arises(reference):
    fault = _fault(reference, {"d": np.nan})

    assert fault.tensor == "d"


def test_a_graph_that_was_read_wrongly_is_blamed_before_any_operator(reference):
    other = evaluate_masks(lambda _: np.zeros((1, 8, 16), np.float32), [PHOTO], CONTRACT)[0]

    assert _fault(reference, {}, prediction=other).operators == (READING,)


def test_the_trail_has_a_point_for_each_tensor_that_is_shown(reference):
    split_run = run_both(reference, _candidate(reference, {"c": 0.1}, without={"b"}), PHOTO)

    points = {point.tensor: point.psnr for point in split_run.points()}

    assert list(points) == ["a", "c", "d", "logits"]
    assert points["a"] == np.inf
    assert max(points["c"], points["d"], points["logits"]) < 40


def test_an_error_map_has_rows_and_columns():
    error = RNG.random((1, 5, 8, 16))

    np.testing.assert_array_equal(error_map(error, CONTRACT), error[0].mean(axis=0))
    tokens = error.reshape(1, 5, 128).transpose(0, 2, 1)
    np.testing.assert_allclose(error_map(tokens, CONTRACT), error[0].mean(axis=0))
    assert error_map(error[0, 0, 0], CONTRACT).shape == (16, 1)
