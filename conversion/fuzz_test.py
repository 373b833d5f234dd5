"""Damaged and hostile files end in a message, never in a crash, a hang, or a file where none belongs.

`FUZZ=2000 python -m pytest conversion/fuzz_test.py` runs more cases than a usual run does; a case is its number.
"""

import os
import resource
import signal
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from conversion.coreml import emitter as coreml
from conversion.source import to_onnx
from conversion.source.canonical.operators import CANONICAL
from conversion.source.graph import read_graph
from conversion.tflite import emitter as tflite
from training.student.errors import BadInput, ConversionRefused

CASES = int(os.environ.get("FUZZ", "150"))
CHUNKS = 10
SECONDS = 20
"""Of one case; what takes longer hangs."""
BYTES = 4 * 2**30
"""Of address space that all cases of a chunk may take beyond what is taken before."""

NETWORKS = {
    "convolutions": (
        18,
        "float[1,3,8,10] x",
        "a = Conv <pads=[1,1,1,1], strides=[2,2]> (x, w) n = BatchNormalization (a, s, s, s, s) r = Relu (n) "
        "c = Clip (n, low, high) m = MaxPool <kernel_shape=[3,3], strides=[1,1], pads=[1,1,1,1]> (r) "
        "k = Concat <axis=1> (c, m) t = ConvTranspose <strides=[2,2]> (k, kernel) p = Pad (t, pads) "
        'y = Resize <mode="linear"> (p, , scales)',
    ),
    "attention": (
        13,
        "float[1,4,6,4] x",
        "f = Reshape (x, to) e = Transpose <perm=[0,2,1]> (f) q = MatMul (e, square) b = Add (q, s) "
        "k, u = Split <axis=2> (b) g = Gather <axis=1> (k, places) o = Softmax <axis=-1> (g) "
        "l = Slice (o, start, end, axes) z = ReduceMean <axes=[1]> (l) y = Sigmoid (z)",
    ),
    "shapes": (
        11,
        "float[N,4,6,4] x",
        "h = Shape (x) i = Gather (h, index) j = Mul (i, four) d = Unsqueeze <axes=[0]> (j) "
        "t = Concat <axis=0> (d, to_end) v = Reshape (x, t) g = Gemm <transB=1> (v, square, s) y = HardSigmoid (g)",
    ),
    "old": (
        7,
        "float[1,3,6,8] x",
        'c = Conv <auto_pad="SAME_UPPER", strides=[2,1]> (x, w) b = BatchNormalization (c, s, s, s, s) '
        "e = Relu (b) a = AveragePool <kernel_shape=[2,2], strides=[2,2], pads=[1,1,0,0]> (e) "
        'l = Upsample <mode="nearest", scales=[1., 1., 2., 2.]> (a) y = Sigmoid (l)',
    ),
}
RNG = np.random.default_rng(0)
CONSTANTS = {
    "w": RNG.normal(size=(4, 3, 3, 3)).astype(np.float32),
    "kernel": RNG.normal(size=(8, 2, 2, 2)).astype(np.float32),
    "s": np.ones(4, np.float32),
    "low": np.float32(-1),
    "high": np.float32(6),
    "pads": np.int64([0, 0, 1, 0, 0, 0, 0, 2]),
    "scales": np.float32([1, 1, 2, 2]),
    "square": RNG.normal(size=(4, 4)).astype(np.float32),
    "to": np.int64([0, 4, -1]),
    "to_end": np.int64([4]),
    "places": np.int64([0, -1, 3]),
    "start": np.int64([0]),
    "end": np.int64([2**63 - 1]),
    "axes": np.int64([1]),
    "index": np.int64(2),
    "four": np.int64(4),
}
WEIGHTS = "weights.bin"


def network(name):
    """One of the networks; `convolutions` keeps its kernels in a file of its own."""
    opset, inputs, nodes = NETWORKS[name]
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["": {opset}]> g ({inputs}) => (float y) {{ {nodes} }}'
    )
    dims = {"convolutions": 4, "attention": 3, "shapes": 2, "old": 4}[name]
    model.graph.output[0].type.tensor_type.shape.dim.extend(
        onnx.TensorShapeProto.Dimension(dim_param=f"d{axis}") for axis in range(dims)
    )
    read = {each for node in model.graph.node for each in node.input}
    content = b""
    for key, value in CONSTANTS.items():
        if key in read:
            tensor = numpy_helper.from_array(np.asarray(value), key)
            if name == "convolutions" and value.ndim == 4:
                entries = {"location": WEIGHTS, "offset": str(len(content)), "length": str(len(tensor.raw_data))}
                content += tensor.raw_data
                tensor.ClearField("raw_data")
                tensor.data_location = onnx.TensorProto.EXTERNAL
                for entry in entries.items():
                    tensor.external_data.add(key=entry[0], value=entry[1])
            model.graph.initializer.append(tensor)
    return model, content


EDGES = [0, 1, -1, 2, 3, 7, 255, -(2**31), 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, -(2**63)]
FLOATS = [0.0, -0.0, 1e-45, -1.0, 0.3, 1e10, 3.4e38, float("inf"), float("-inf"), float("nan")]
PLACES = ["../secret", "/etc/passwd", "", ".", "missing", "a\0b", WEIGHTS + "/x", "..", "link", "x" * 5000]


def damaged_bytes(content, rng):
    """The file with some of its bytes changed, lost, repeated or cut off."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 3)):
        at, length = int(rng.integers(len(content) + 1)), int(rng.integers(1, 40))
        match rng.integers(5):
            case 0 if at < len(content):
                content[at] = rng.integers(256)
            case 1:
                del content[at : at + length]
            case 2:
                content[at:at] = content[at : at + length]
            case 3:
                content[at:at] = rng.bytes(length)
            case 4 if rng.random() < 0.2:
                del content[at:]
    return bytes(content)


def pick(items, rng):
    return items[int(rng.integers(len(items)))]


def twist(model, rng):
    """Change one field into something that a file may say, but hardly means."""
    nodes, tensors = model.graph.node, model.graph.initializer
    names = [name for node in nodes for name in (*node.input, *node.output)] + ["", "nowhere"]
    node, tensor = pick(nodes, rng), pick(tensors, rng)
    match rng.integers(14):
        case 0:
            node.op_type = pick([*CANONICAL, "Sin", "TopK", "NonZero", "Einsum", "If", "Nothing"], rng)
        case 1 if node.input:
            node.input[int(rng.integers(len(node.input)))] = pick(names, rng)
        case 2:
            node.output[int(rng.integers(len(node.output)))] = pick(names, rng)
        case 3 if node.attribute:
            attribute = pick(node.attribute, rng)
            attribute.i, attribute.f = pick(EDGES, rng), pick(FLOATS, rng)
            if attribute.ints:
                attribute.ints[int(rng.integers(len(attribute.ints)))] = pick(EDGES, rng)
            if attribute.floats:
                attribute.floats[int(rng.integers(len(attribute.floats)))] = pick(FLOATS, rng)
        case 4:
            tensor.dims[:] = [pick(EDGES, rng) for _ in range(rng.integers(5))]
        case 5:
            tensor.data_type = int(rng.integers(30))
        case 6 if tensor.raw_data:
            value = np.frombuffer(tensor.raw_data, np.uint8).copy()
            edges = np.asarray(EDGES) if tensor.data_type == onnx.TensorProto.INT64 else np.float32(FLOATS)
            new = pick(edges, rng).tobytes()
            value[: len(new)] = np.frombuffer(new, np.uint8)
            tensor.raw_data = value.tobytes()
        case 7:
            sizes = model.graph.input[0].type.tensor_type.shape.dim
            if sizes:
                pick(sizes, rng).dim_value = pick(EDGES, rng)
        case 8:
            model.opset_import[0].version = pick([*EDGES, *range(1, 40)], rng)
        case 9:
            model.graph.input[0].type.tensor_type.elem_type = int(rng.integers(30))
        case 10 if tensor.external_data:
            entry = pick(tensor.external_data, rng)
            entry.value = pick(PLACES, rng) if entry.key == "location" else str(pick([*EDGES, "x", "1e3", ""], rng))
        case 11:
            nodes.append(node)
        case 12 if len(nodes) > 1:
            nodes.remove(node)
        case 13:
            node.domain = pick(["ai.onnx", "com.microsoft", "ai.onnx.ml", "nowhere"], rng)


def write_case(number, folder):
    """The damaged model of this number, and what it keeps beside it."""
    rng = np.random.default_rng(number)
    model, weights = network(pick(list(NETWORKS), rng))
    if rng.random() < 0.8:
        for _ in range(rng.integers(1, 3)):
            twist(model, rng)
    content = model.SerializeToString()
    if rng.random() < 0.35:
        content = damaged_bytes(content, rng)
    folder.mkdir()
    path = folder / "model.onnx"
    path.write_bytes(content)
    (folder / WEIGHTS).write_bytes(weights[: len(weights) - int(rng.random() < 0.1)])
    (folder / "link").symlink_to("/etc/hostname")
    return path


@contextmanager
def limited(size):
    """Fail where a case takes so many bytes more, or hangs until the alarm that it sets."""

    def stop(signum, frame):
        raise TimeoutError("no end")

    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGALRM, stop)
    resource.setrlimit(resource.RLIMIT_AS, (taken + size, before[1]))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def convert(path, out):
    """What the command does between a file and an artefact of each target; the messages of what it refuses."""
    try:
        source = read_graph(to_onnx.load(path))
    except (ConversionRefused, BadInput) as refusal:
        return [str(refusal)]
    messages = []
    for emit in (
        lambda: tflite.emit(source, precision="fp16", metadata={}),
        lambda: coreml.emit(source, out / "model.mlpackage", precision="fp32", metadata={}),
    ):
        try:
            emit()
        except (ConversionRefused, BadInput) as refusal:
            messages.append(str(refusal))
    return messages


@pytest.mark.parametrize("name", NETWORKS)
def test_the_networks_themselves_are_read(name, tmp_path):
    model, weights = network(name)
    (tmp_path / WEIGHTS).write_bytes(weights)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())

    assert read_graph(to_onnx.load(tmp_path / "model.onnx")).nodes


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_damaged_file_ends_in_a_message(chunk, tmp_path):
    for number in range(chunk, CASES, CHUNKS):
        folder, out = tmp_path / f"{number}", tmp_path / "out"
        path = write_case(number, folder)
        out.mkdir(exist_ok=True)
        before = sorted(folder.rglob("*"))
        with limited(BYTES):
            signal.alarm(SECONDS)
            try:
                messages = convert(path, out)
            except Exception as error:
                raise AssertionError(f"case {number}") from error
        assert not any("\n" in message for message in messages), number
        assert sorted(folder.rglob("*")) == before, number
        assert {each.name for each in out.iterdir()} <= {"model.mlpackage"}, number
        assert {each.name for each in tmp_path.iterdir()} == {"out", f"{number}"}, number
        for each in before:
            each.unlink()
        folder.rmdir()
