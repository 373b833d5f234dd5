import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conversion.latency import median_milliseconds, open_timed, operator_shares, time_in_turns
from conversion.source.graph import read_graph
from conversion.tflite.emitter import emit
from training.student.errors import BadInput


def network(side, channels=8, kind=TensorProto.FLOAT):
    """A convolution of 3 × 3, and an activation."""
    weight = numpy_helper.from_array(np.full((channels, 3, 3, 3), 0.1, np.float32), "weight")
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "weight"], ["a"], pads=[1, 1, 1, 1]),
            helper.make_node("HardSwish", ["a"], ["logits"]),
        ],
        "net",
        [helper.make_tensor_value_info("image", kind, (1, 3, side, side))],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (1, channels, side, side))],
        [weight],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.fixture
def saved(tmp_path):
    def write(side, suffix, channels=8):
        path = tmp_path / f"{side}{suffix}"
        model = network(side, channels)
        path.write_bytes(model.SerializeToString() if suffix == ".onnx" else emit(read_graph(model), metadata={}))
        return path

    return write


def test_steps_take_turns_after_one_each_to_warm_up():
    taken = []

    def step(name, milliseconds):
        taken.append(name)
        return milliseconds

    found = time_in_turns([lambda: step("a", 1.0), lambda: step("b", 3.0)], runs=2)

    assert taken == ["a", "b"] * 3
    assert [one.p50 for one in found] == [1.0, 3.0]


def test_the_median_is_of_what_a_step_mostly_takes():
    taken = iter([0, 1.0, 1.0, 1.0, 200.0])

    found = time_in_turns([lambda: next(taken)], runs=4)[0]

    assert 1 <= found.p50 < 50 < found.p90


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_sixteen_times_the_pixels_take_longer(saved, suffix):
    small, large = median_milliseconds([saved(64, suffix), saved(256, suffix)], runs=20)

    assert 0 < 4 * small < large


def test_time_divides_among_the_kinds_of_operators(saved):
    found = operator_shares(saved(128, ".onnx"))

    assert "Conv" in found
    assert sum(found.values()) == pytest.approx(1)
    assert list(found.values()) == sorted(found.values(), reverse=True)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("net.mlpackage", b"", "cannot be timed here; expected a file that ends in .tflite or .onnx"),
        ("net.tflite", b"no model" * 9, "cannot be opened"),
        ("net.onnx", b"no model", "cannot be opened"),
        ("net.onnx", None, "cannot read .*: No such file"),
        ("net.tflite", None, "cannot read .*: No such file"),
    ],
)
def test_what_cannot_be_timed_is_refused_in_one_line(tmp_path, name, content, says):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(BadInput, match=says) as error:
        open_timed(path, threads=1)

    assert "\n" not in str(error.value)


def test_an_input_without_a_size_is_refused(tmp_path):
    model = network(16)
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "rows"
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    (tmp_path / "open.onnx").write_bytes(model.SerializeToString())

    with pytest.raises(BadInput, match=r"open.onnx cannot be run: .* image \(1, 3, rows, 16\) float32; fix its sizes"):
        open_timed(tmp_path / "open.onnx", threads=1)


def test_an_open_batch_is_one(tmp_path):
    model = network(16)
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.save(model, tmp_path / "batch.onnx")

    assert median_milliseconds([tmp_path / "batch.onnx"], runs=1)[0] > 0
