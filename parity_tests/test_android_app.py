"""The Android app's own logic on a plain JVM: models and what they say of themselves, self-test, frames.

What of the app needs no Android lies in files of its own; `Probe.kt`, among its tests, calls it from a command line.
"""

import hashlib
import json
import shutil

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper

from conversion.artefact.metadata import CONTRACT_KEY
from conversion.benchmark import devices
from conversion.golden import vectors
from conversion.source.graph import read_graph
from conversion.tflite.emitter import emit
from conversion.tflite.packing import pack
from conversion.tflite.quantise import calibrate, quantise
from parity_tests import kotlin
from training.student.contract import Contract
from training.student.postprocess import postprocess

pytestmark = pytest.mark.toolchain

CONTRACT = Contract(16, 24, 2, ("thing", "other thing"))
RNG = np.random.default_rng(0)


# Models


def _network():
    constants = {
        "mean": np.full((1, 3, 1, 1), 127.5),
        "w1": RNG.normal(size=(8, 3, 3, 3)) / 300,
        "b1": RNG.normal(size=8),
        "w2": RNG.normal(size=(2, 8, 1, 1)),
        "b2": RNG.normal(size=2),
    }
    nodes = [
        helper.make_node("Sub", ["image", "mean"], ["centred"]),
        helper.make_node("Conv", ["centred", "w1", "b1"], ["a"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2", "b2"], ["logits"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, CONTRACT.height, CONTRACT.width))
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, (1, *CONTRACT.logits_shape))
    arrays = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "small", [image], [logits], arrays)
    return read_graph(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10))


@pytest.fixture(scope="session")
def model():
    return emit(_network(), precision="fp32", metadata={CONTRACT_KEY: CONTRACT.to_json()})


@pytest.fixture
def probe(kotlin_classes):
    """The app's own reading of files, on a plain JVM."""

    def run(*arguments):
        return kotlin.java(kotlin_classes, "pocketmask.app.ProbeKt", *arguments)

    return run


@pytest.fixture
def refusal(probe, tmp_path):
    """Why the app does not open these bytes."""

    def of(data, *sha256):
        path = tmp_path / "student.tflite"
        path.write_bytes(data)
        done = probe("model", path, *sha256)
        assert (done.returncode, done.stdout) == (2, ""), done.stdout + done.stderr
        return done.stderr.strip()

    return of


def _with(model, contract=None, **changes):
    """The same file with another contract, or another name, type or shape of its first input."""
    table = schema.ModelT.InitFromPackedBuf(model, 0)
    for entry in table.metadata:
        if contract is not None and entry.name.decode() == CONTRACT_KEY:
            table.buffers[entry.buffer].data = np.frombuffer(contract.encode(), np.uint8)
    tensor = table.subgraphs[0].tensors[table.subgraphs[0].inputs[0]]
    for name, value in changes.items():
        assert hasattr(tensor, name)
        setattr(tensor, name, value)
    return pack(table)


def test_float_and_uint8_models_are_read(probe, model, tmp_path):
    photos = [RNG.integers(0, 256, CONTRACT.input_shape, np.uint8) for _ in range(2)]
    files = {"float32": model, "uint8": quantise(model, "int8", calibrate(model, photos))}
    for kind, data in files.items():
        path = tmp_path / f"{kind}.tflite"
        path.write_bytes(data)

        done = probe("model", path, hashlib.sha256(data).hexdigest())

        said = f"Contract(height=16, width=24, stride=2, classes=[thing, other thing], threshold=0.0, open=0) {kind}\n"
        assert (done.returncode, done.stdout) == (0, said), done.stderr


def test_a_model_cut_off_anywhere_is_refused(refusal, model):
    # MediaPipe's labels are a zip behind the model, which no runtime reads.
    end = model.index(b"PK\x03\x04")
    for size in (0, 7, 8, 40, end // 2, end - 1):
        said = refusal(model[:size])
        assert "not a TFLite file" in said or "cut off or damaged" in said, size


def test_another_digest_is_refused_with_both(refusal, model):
    said = refusal(model, "0" * 64)

    assert hashlib.sha256(model).hexdigest() in said
    assert "0" * 64 in said
    assert "make apps" in said


def test_a_contract_of_a_newer_schema_is_refused(refusal, model):
    newer = CONTRACT.to_json().replace('"schema": 1', '"schema": 2')

    assert "newer than this app" in refusal(_with(model, newer))


def test_a_model_without_a_contract_is_refused(refusal):
    assert f"carries no {CONTRACT_KEY}" in refusal(emit(_network(), precision="fp32", metadata={}))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"name": b"input_1"}, "input_1 float32 1 × 16 × 24 × 3"),
        ({"shape": np.array([1, 24, 16, 3], np.int32)}, "image float32 1 × 24 × 16 × 3"),
        ({"type": schema.TensorType.INT8}, "image int8 1 × 16 × 24 × 3"),
    ],
)
def test_other_inputs_are_refused_with_both_shapes(refusal, model, changes, found):
    said = refusal(_with(model, **changes))

    assert found in said
    assert "image float32 or uint8 1 × 16 × 24 × 3" in said


# Self-test


@pytest.fixture(scope="session")
def given(tmp_path_factory):
    """A folder as the app is given it: golden vectors, and a run with its manifest and recorded photo."""
    folder = tmp_path_factory.mktemp("assets")
    vectors.write_vectors(folder / "golden")
    rows, columns = 21, 34
    photo = RNG.integers(0, 256, (rows, columns, 3), np.uint8)
    logits = RNG.normal(size=CONTRACT.logits_shape).astype(np.float32)
    mask = postprocess(logits, CONTRACT, rows, columns)
    tensors = {"photo": photo, "logits": logits, "mask": mask}
    record = {"name": "tflite-fp16", "contract": json.loads(CONTRACT.to_json())}
    record |= {name: vectors._tensor(value) for name, value in tensors.items()}
    artefact = {
        "target": "tflite",
        "precision": "fp16",
        "file": "student-fp16.tflite",
        "sha256": "ab" * 32,
        "gate": "passed",
    }
    run = folder / "run"
    run.mkdir()
    (run / "self-test.json").write_text(json.dumps({"schema": 1, "vectors": [record]}))
    (run / "manifest.json").write_text(json.dumps({"schema": 1, "artefacts": {"tflite-fp16": artefact}}))
    return run


def test_a_self_test_of_the_recorded_logits_finds_no_difference(probe, given):
    done = probe("self-test", given, "tflite-fp16", 0)
    report = json.loads(done.stdout)

    assert report["drift"] == {"flips": 0, "pixels": 21 * 34, "error": 0}
    assert report["device"] == 'a "JVM"'
    counts = {file: len(cases) for file, (cases, _) in vectors.VECTOR_FILES.items()}
    assert {one["file"]: one["vectors"] for one in report["golden"] if not one["failed"]} == counts
    assert 0 < report["ms"]["p50"] <= report["ms"]["p90"]
    assert (report["model"], report["artefact"], report["sha256"]) == ("run", "tflite-fp16", "ab" * 32)


def test_a_self_test_is_what_bench_imports(probe, given, tmp_path):
    (tmp_path / "saved.json").write_text(probe("self-test", given, "tflite-fp16", 0).stdout)

    found = devices.parse(tmp_path / "saved.json")

    assert found.breaches == []
    assert found.device == 'a "JVM"'


def test_a_self_test_of_other_logits_measures_how_far_they_are(probe, given):
    report = json.loads(probe("self-test", given, "tflite-fp16", 0.5).stdout)

    assert report["drift"]["error"] == pytest.approx(0.5, rel=1e-5)
    assert report["drift"]["psnr"] > 0


def test_logits_that_are_no_numbers_are_refused(probe, given):
    done = probe("self-test", given, "tflite-fp16", "NaN")

    assert done.returncode == 2
    assert "finite" in done.stderr


@pytest.mark.parametrize("file", ["self-test.json", "manifest.json"])
def test_a_newer_file_is_refused(probe, given, tmp_path, file):
    shutil.copytree(given, tmp_path / "run")
    path = tmp_path / "run" / file
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 9', 1))

    done = probe("self-test", tmp_path / "run", "tflite-fp16", 0)

    assert done.returncode == 2
    assert "schema 9" in done.stderr


# Frames


@pytest.mark.parametrize("side", ["front", "back"])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_frame_is_shown_upright_and_a_front_camera_s_as_in_a_mirror(probe, tmp_path, degrees, side):
    rows, columns, stride = 3, 5, 5 * 4 + 12
    stored = RNG.integers(0, 256, (rows, columns, 4), np.uint8)
    padded = np.full((rows, stride), 77, np.uint8)
    padded[:, : columns * 4] = stored.reshape(rows, -1)
    # As CameraX gives the last row: without its padding.
    (tmp_path / "frame").write_bytes(padded.tobytes()[: (rows - 1) * stride + columns * 4])

    done = probe("frame", tmp_path / "frame", rows, columns, stride, degrees, side)

    upright = np.rot90(stored[..., :3], -degrees // 90)
    expected = np.fliplr(upright) if side == "front" else upright
    shown = "\n".join(" ".join(bytes(pixel).hex() for pixel in row) for row in expected)
    assert done.stdout.strip() == shown, done.stderr


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (0, 5), (4, 5), (3, 9)])
def test_a_frame_without_pixels_or_with_too_few_bytes_is_refused(probe, tmp_path, rows, columns):
    (tmp_path / "frame").write_bytes(bytes(3 * 5 * 4))

    done = probe("frame", tmp_path / "frame", rows, columns, 20, 0, "back")

    assert done.returncode == 2
    assert f"{rows} × {columns} × 4" in done.stderr


def test_a_huge_photo_is_halved_until_it_fits(probe):
    sizes = [(3000, 4000), (4000, 4000), (12000, 9000), (1, 50_000)]

    assert [int(probe("sampling", *size).stdout) for size in sizes] == [1, 2, 4, 16]


def test_percentiles_are_of_the_nearest_rank(probe):
    values = [15, 20, 35, 40, 50]

    assert [float(probe("percentile", share, *values).stdout) for share in (5, 30, 40, 50, 100)] == [15, 20, 20, 35, 50]
