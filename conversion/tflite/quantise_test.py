import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import helper

from conversion.artefact.metadata import CONTRACT_KEY
from conversion.quantisation.rounding import with_kept_sums
from conversion.source.graph import read_graph
from conversion.tflite import mediapipe
from conversion.tflite.emitter import emit
from conversion.tflite.interpreter import open_interpreter
from conversion.tflite.metadata import read_metadata
from conversion.tflite.partitions import partitions
from conversion.tflite.quantise import calibrate, layers, needs_ranges, quantise
from training.student.contract import Contract

RNG = np.random.default_rng(0)
PHOTOS = [RNG.integers(0, 256, (16, 24, 3), np.uint8) for _ in range(4)]
PRECISIONS = ("w8", "int8", "int16")
CONTRACT = Contract(16, 24, 2, ("thing", "other thing"))


def _network(model, **changes):
    """Normalisation, a strided, a depthwise and a dense convolution, to logits."""
    constants = {
        "mean": np.full((1, 3, 1, 1), 127.5),
        "scale": np.full((1, 3, 1, 1), 1 / 60),
        "w1": RNG.normal(size=(16, 3, 3, 3)) / 5,
        "b1": RNG.normal(size=16),
        "w2": RNG.normal(size=(16, 1, 3, 3)) / 3,
        "b2": RNG.normal(size=16),
        "w3": RNG.normal(size=(2, 16, 1, 1)) / 4,
        "b3": RNG.normal(size=2),
    } | changes
    nodes = [
        helper.make_node("Sub", ["image", "mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], ["normal"]),
        helper.make_node("Conv", ["normal", "w1", "b1"], ["a"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2", "b2"], ["b.c"], pads=[1] * 4, group=16),
        helper.make_node("Relu", ["b.c"], ["bxc"]),
        helper.make_node("Conv", ["bxc", "w3", "b3"], ["logits"]),
    ]
    return read_graph(model(nodes, (1, 3, 16, 24), **constants))


@pytest.fixture
def graph(model):
    return _network(model)


def _source(graph, precision):
    return emit(
        with_kept_sums(graph, "fp16" if precision == "w8" else "int8"),
        precision="fp32",
        metadata={CONTRACT_KEY: CONTRACT.to_json()},
    )


def _quantised(graph, precision, kept=()):
    source = _source(graph, precision)
    return quantise(source, precision, calibrate(source, PHOTOS) if needs_ranges(precision) else None, kept)


def _logits(model, image, **options):
    interpreter = open_interpreter(model, **options)
    entry = interpreter.get_input_details()[0]
    interpreter.set_tensor(entry["index"], image[None].astype(entry["dtype"]))
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def _error(graph, found, **options):
    """The largest on photos, relative to the range of the float file's logits."""
    single = emit(graph, precision="fp32", metadata={})
    expected = np.stack([_logits(single, photo) for photo in PHOTOS])
    error = np.abs(np.stack([_logits(found, photo, **options) for photo in PHOTOS]) - expected).max()
    return error / np.ptp(expected)


@pytest.mark.parametrize("options", [{}, {"reference_kernels": True}], ids=["XNNPACK", "reference kernels"])
@pytest.mark.parametrize(("precision", "allowed"), [("w8", 0.02), ("int8", 0.03), ("int16", 0.01)])
def test_a_quantised_file_computes_nearly_the_same(graph, precision, allowed, options):
    assert 0 < _error(graph, _quantised(graph, precision), **options) < allowed


def test_an_int8_file_takes_a_camera_s_bytes_unchanged_and_gives_real_logits(graph):
    interpreter = open_interpreter(_quantised(graph, "int8"))
    (entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()

    assert (entry["name"], entry["dtype"], entry["quantization"]) == ("image", np.uint8, (1.0, 0))
    assert (result["name"], result["dtype"]) == ("logits", np.float32)


@pytest.mark.parametrize("precision", ["w8", "int16"])
def test_other_files_take_the_same_numbers_as_real_ones(graph, precision):
    interpreter = open_interpreter(_quantised(graph, precision))
    (entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()

    assert (entry["name"], entry["dtype"]) == ("image", np.float32)
    assert (result["name"], result["dtype"]) == ("logits", np.float32)


@pytest.mark.parametrize("precision", ["w8", "int8"])
def test_xnnpack_takes_a_quantised_file_in_one_piece(graph, precision):
    found = partitions(_quantised(graph, precision))

    assert found.count == 1
    assert set(found.outside) <= {"QUANTIZE"}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_metadata_survives_and_the_same_gives_the_same_bytes(graph, precision):
    found = _quantised(graph, precision)

    assert read_metadata(found) == {CONTRACT_KEY: CONTRACT.to_json()}
    assert mediapipe.labels(found) == list(CONTRACT.classes)
    assert _quantised(graph, precision) == found


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_buffer_lies_aligned_inside_the_file(graph, precision):
    root = schema.Model.GetRootAs(_quantised(graph, precision), 0)
    buffers = [root.Buffers(i) for i in range(root.BuffersLength())]
    starts = [buffer._tab.Vector(buffer._tab.Offset(4)) for buffer in buffers if buffer.DataLength()]

    assert len(starts) > 5
    assert all(start % 16 == 0 for start in starts)
    assert not any(buffer.Size() for buffer in buffers)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_channel_without_weights_keeps_its_bias(model, precision):
    weights, biases = RNG.normal(size=(16, 3, 3, 3)) / 5, RNG.normal(size=16)
    weights[3], biases[3] = 0, 4.0
    weights[4], biases[4] = 1e-12, 4.0
    readers = np.zeros((2, 16, 1, 1))
    readers[:, 3:5] = 1
    graph = _network(model, w1=weights, b1=biases, w2=np.ones((16, 1, 3, 3)), w3=readers)

    assert _error(graph, _quantised(graph, precision)) < 0.02


def test_ranges_hold_all_that_was_seen_in_any_order(graph):
    source = _source(graph, "int8")
    alone = [calibrate(source, [photo])["b"]["max"].item() for photo in PHOTOS]

    assert calibrate(source, PHOTOS)["b"]["max"].item() == max(alone)
    assert calibrate(source, PHOTOS[::-1])["b"]["max"].item() == max(alone)


def test_dark_photos_leave_room_for_bright_ones_at_the_image_and_its_normalisation(graph):
    ranges = calibrate(_source(graph, "int8"), [photo // 8 for photo in PHOTOS])

    found = {name: (ranges[name]["min"].item(), ranges[name]["max"].item()) for name in ("image", "centred", "normal")}
    assert found == {"image": (0, 255), "centred": (-127.5, 127.5), "normal": (-2.125, 2.125)}
    assert ranges["b"]["max"] < calibrate(_source(graph, "int8"), PHOTOS)["b"]["max"]


def test_layers_are_named_after_what_they_compute(graph):
    assert layers(_source(graph, "w8"), "w8") == ["b", "logits"]
    assert layers(_source(graph, "int8"), "int8")[-3:] == ["b", "bxc", "logits"]


@pytest.mark.parametrize("precision", ["w8", "int8"])
def test_with_all_layers_kept_nothing_is_lost(graph, precision):
    every = layers(_source(graph, precision), precision)
    kept = graph if precision == "w8" else with_kept_sums(graph, "int8")

    assert _error(kept, _quantised(graph, precision, every)) < 1e-3


def test_exactly_the_named_layer_is_kept(graph):
    root = schema.ModelT.InitFromPackedBuf(_quantised(graph, "int8", ["b"]), 0)
    tensors = root.subgraphs[0].tensors
    floats = {
        tensors[operator.outputs[0]].name
        for operator in root.subgraphs[0].operators
        if tensors[operator.outputs[0]].type == schema.TensorType.FLOAT32
    }

    assert b"b" in floats
    assert b"bxc" not in floats
