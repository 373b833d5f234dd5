import numpy as np
import onnx
import pytest

from conversion.coreml import emitter as coreml
from conversion.gate.traces import TRACERS
from conversion.source.graph import read_graph
from conversion.source.reference import Reference
from conversion.tflite import emitter as tflite
from conversion.tflite.packing import expose_tensors
from conversion.tflite.partitions import partitions

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (8, 8, 3), np.uint8)
CONSTANTS = {"w": RNG.normal(size=(8, 3, 3, 3)).astype(np.float32) / 50, "tokens": np.int64([1, 8, 64])}


def _graph(nodes):
    text = f"""
        <ir_version: 8, opset_import: ["" : 18]>
        test (float[1, 3, 8, 8] image) => (float[1, 8, 8, 8] logits) {{ {nodes} }}
    """
    model = onnx.parser.parse_model(text.replace("'", '"'))
    for name, value in CONSTANTS.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    return read_graph(model)


def _trace(source):
    return Reference(source).trace(IMAGE.transpose(2, 0, 1)[None].astype(np.float32))


@pytest.fixture
def attention():
    """As many channels as rows and columns, so that no shape tells the order of its axes."""
    return _graph("""
        c = Conv<pads = [1,1,1,1]>(image, w)
        r = Relu(c)
        t = Reshape(r, tokens)
        u = Transpose<perm = [0,2,1]>(t)
        a = MatMul(t, u)
        s = Softmax(a)
        m = MatMul(s, t)
        v = Transpose<perm = [0,3,1,2]>(r)
        x = Sigmoid(v)
        y = Transpose<perm = [0,2,3,1]>(x)
        logits = Add(y, c)
    """)


@pytest.mark.parametrize("runtime", ["litert", "litert-reference"])
def test_the_tensors_of_a_tflite_file_come_back_in_the_graphs_axis_order(attention, tmp_path, runtime):
    path = tmp_path / "a.tflite"
    path.write_bytes(tflite.emit(attention, metadata={}))
    exact = _trace(attention)

    held = TRACERS[runtime](path, attention)(IMAGE)

    assert {"c", "x", "logits"} <= held.keys()
    for name, value in held.items():
        np.testing.assert_allclose(value, exact[name], atol=1e-4, err_msg=name)


def test_exposing_all_tensors_leaves_xnnpack_its_one_partition(attention):
    source = _graph("c = Conv<pads = [1,1,1,1]>(image, w) r = Relu(c) s = Sigmoid(r) logits = Add(s, r)")
    for precision in ("fp32", "fp16"):
        model = tflite.emit(source, precision=precision, metadata={})

        assert partitions(expose_tensors(model)).is_whole


def test_the_tensors_of_a_core_ml_program_are_found_by_their_allowed_names(tmp_path):
    source = _graph("""
        'a/c' = Conv<pads = [1,1,1,1]>(image, w)
        '9' = Relu('a/c')
        'twice.said' = Sigmoid('9')
        'twice/said' = Sub('twice.said', '9')
        logits = Add('twice/said', '9')
    """)
    exact = _trace(source)

    for precision, runtime in (("fp32", "coreml-executor"), ("fp16", "coreml-executor-fp16")):
        path = tmp_path / f"{precision}.mlpackage"
        coreml.emit(source, path, precision=precision, metadata={})
        held = TRACERS[runtime](path, source)(IMAGE)

        assert held.keys() == {"image", "a/c", "9", "logits"}, "two names that Core ML cannot tell apart say nothing"
        for name, value in held.items():
            np.testing.assert_allclose(value, exact[name], rtol=0.02, atol=0.02, err_msg=name)
