"""Android's arithmetic, `android_sample/core`, against Python's: compiled by the real compiler, run on a real JVM."""

import json
import re
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from conversion.gate.backends import BACKENDS
from conversion.golden import vectors as golden
from conversion.golden.cases import Background, Postprocess, Preprocess, Resize
from parity_tests import kotlin
from parity_tests import planted_kotlin as planted
from training.data.photos import read_photo
from training.student.contract import Contract
from training.student.postprocess import postprocess
from training.student.preprocess import preprocess

pytestmark = pytest.mark.toolchain


@pytest.fixture(scope="session")
def vectors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden")
    golden.write_vectors(folder)
    return folder


@pytest.fixture
def core(kotlin_classes):
    """The command line of the module."""

    def run(*arguments):
        return kotlin.java(kotlin_classes, "pocketmask.core.MainKt", *arguments)

    return run


def test_every_unit_test_of_the_module_passes(kotlin_classes):
    tests = list((kotlin.CORE / "test").rglob("*Test.kt"))
    names = [".".join(path.relative_to(kotlin.CORE / "test" / "kotlin").with_suffix("").parts) for path in tests]

    done = kotlin.java(kotlin_classes, "org.junit.runner.JUnitCore", *names)

    assert done.returncode == 0, done.stdout
    written = sum(path.read_text(encoding="utf-8").count("@Test\n") for path in tests)
    assert f"OK ({written} tests)" in done.stdout


def test_every_golden_vector_is_identical(core, vectors):
    done = core("golden", vectors)

    count = sum(len(cases) for cases, _ in golden.VECTOR_FILES.values())
    assert (done.returncode, done.stdout) == (0, f"{count} of {count} golden vectors are identical\n"), done.stderr


@pytest.mark.parametrize("error", planted.ARITHMETIC)
def test_a_planted_error_differs(kotlin_classes, vectors, error):
    done = kotlin.java(kotlin_classes, f"planted.{error}.MainKt", "golden", vectors)

    assert done.returncode == 4, done.stdout + done.stderr
    fails = planted.ARITHMETIC[error][3].replace(": ", ", ", 1)
    assert re.search(rf"^{re.escape(fails)}: \d+ of \d+ differ", done.stdout, re.MULTILINE), done.stdout


def test_a_damaged_vector_differs(core, vectors, tmp_path):
    for path in vectors.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    file = json.loads((tmp_path / "postprocess.json").read_text())
    file["vectors"][0]["contract"]["threshold"] = 3.0
    (tmp_path / "postprocess.json").write_text(json.dumps(file))

    done = core("golden", tmp_path)

    assert done.returncode == 4
    assert "postprocess, odd: " in done.stdout


def _binary(height, width, stride=4, *, threshold=0.0, open=0):
    return Contract(height, width, stride, ("coin",), threshold, open)


def test_larger_and_odder_cases_than_the_vectors_are_identical(core, tmp_path, monkeypatch):
    random = np.random.default_rng(6)

    def logits(*shape):
        return random.normal(size=shape).astype(np.float32)

    def photo(*shape):
        return random.integers(0, 256, (*shape, 3), np.uint8)

    many = Contract(32, 48, 4, tuple(f"class {index}" for index in range(150)))
    larger = {
        "resize": {"wide": Resize(logits(3, 500, 2), 5, 3001)},
        "preprocess": {
            "of a camera": Preprocess(_binary(256, 192), photo(1500, 2001)),
            "a long row": Preprocess(_binary(32, 512), photo(1, 9999)),
        },
        "postprocess": {
            "of a camera": Postprocess(_binary(256, 256, open=5), logits(1, 64, 64), 3000, 4000),
            "stride 1, frames": Postprocess(_binary(256, 256, 1, open=7), logits(1, 256, 256), 720, 1280),
            "150 classes": Postprocess(many, logits(150, 8, 12), 301, 203),
            "one row": Postprocess(_binary(16, 16, open=3), logits(1, 4, 4), 1, 4999),
            "one column": Postprocess(_binary(16, 16, open=3), logits(1, 4, 4), 4999, 1),
            "open 31": Postprocess(_binary(64, 64, threshold=-0.8, open=31), logits(1, 16, 16), 333, 129),
            "shrunk to a 64th": Postprocess(_binary(512, 512, 1), logits(1, 512, 512), 8, 8),
            "subnormal": Postprocess(_binary(32, 32), logits(1, 8, 8) * np.float32(1e-40), 63, 65),
        },
        "background": {
            "of a camera, radius 150": Background(
                photo(701, 503), (photo(701, 503)[..., 0] > 250).astype(np.uint8), 2, 150
            )
        },
    }
    files = {stem: (larger.get(stem, cases), vector) for stem, (cases, vector) in golden.VECTOR_FILES.items()}
    count = sum(len(cases) for cases, _ in files.values())
    monkeypatch.setattr(golden, "VECTOR_FILES", files)
    golden.write_vectors(tmp_path)

    done = core("golden", tmp_path)

    assert (done.returncode, done.stdout) == (0, f"{count} of {count} golden vectors are identical\n"), done.stderr


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_pillows(core, tmp_path, orientation):
    contract = _binary(20, 12)
    stored = np.random.default_rng(orientation).integers(0, 256, (9, 14, 3), np.uint8)
    image = Image.fromarray(stored)
    image.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(image))
    (tmp_path / "contract.json").write_text(contract.to_json())
    stored.tofile(tmp_path / "photo")

    done = core("input", tmp_path / "contract.json", tmp_path / "photo", 9, 14, orientation, tmp_path / "input")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "input").read_bytes() == preprocess(upright, contract).tobytes()


def _mask(core, folder, contract, logits, size, layout="planar"):
    (folder / "contract.json").write_text(contract.to_json())
    (folder / "logits").write_bytes(np.ascontiguousarray(logits, "<f4").tobytes())
    done = core("mask", folder / "contract.json", folder / "logits", layout, *size, folder / "mask")
    assert done.returncode == 0, done.stderr
    return np.fromfile(folder / "mask", np.uint8).reshape(size)


@pytest.mark.parametrize("backend", ["tflite-fp16", "coreml-fp16"])
def test_photo_to_mask_of_a_trained_student_is_identical(verified, core, tmp_path, backend):
    contract = verified.contract
    runner = BACKENDS[backend].open(verified.run.checkpoint, verified.run.export)
    (tmp_path / "contract.json").write_text(contract.to_json())
    for pair in verified.pairs[:3]:
        photo = read_photo(pair.photo)
        size = photo.shape[:2]
        photo.tofile(tmp_path / "photo")
        done = core("input", tmp_path / "contract.json", tmp_path / "photo", *size, 1, tmp_path / "input")
        assert done.returncode == 0, done.stderr
        image = np.fromfile(tmp_path / "input", np.uint8).reshape(contract.input_shape)
        np.testing.assert_array_equal(image, preprocess(photo, contract))
        logits = runner(image)

        expected = postprocess(logits, contract, *size)
        assert 0 < expected.mean() < 1
        np.testing.assert_array_equal(_mask(core, tmp_path, contract, logits, size), expected)
        # As TFLite itself leaves them.
        beside = np.moveaxis(logits, 0, -1)
        np.testing.assert_array_equal(_mask(core, tmp_path, contract, beside, size, "interleaved"), expected)


@pytest.mark.parametrize("backend", ["tflite-fp16", "coreml-fp16"])
def test_masks_of_photos_that_people_took_are_identical(verified, real_photos, core, tmp_path, backend):
    contract = verified.contract
    runner = BACKENDS[backend].open(verified.run.checkpoint, verified.run.export)
    for path in real_photos:
        photo = read_photo(path)
        logits = runner(preprocess(photo, contract))

        expected = postprocess(logits, contract, *photo.shape[:2])

        np.testing.assert_array_equal(_mask(core, tmp_path, contract, logits, photo.shape[:2]), expected, path.name)


BAD_INPUT = {
    "newer schema": ({"schema": 2}, 0.0, "4", "schema 2, this version expects 1; it is newer than this app"),
    "other outputs": ({"output": "mask"}, 0.0, "4", 'output "mask", this version expects "logits"'),
    "NaN": ({}, np.nan, "4", "logits must be finite, found NaN at value 0 of 16"),
    "no pixels": ({}, 0.0, "0", "a mask of 0 × 4 has nothing in it"),
    "no number": ({}, 0.0, "four", "'four' is no whole number"),
}


@pytest.mark.parametrize(("fields", "logit", "height", "message"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_is_a_message_and_leaves_no_mask(core, tmp_path, fields, logit, height, message):
    contract = json.loads(_binary(16, 16).to_json())
    (tmp_path / "contract.json").write_text(json.dumps({**contract, **fields}))
    np.full(16, logit, "<f4").tofile(tmp_path / "logits")

    done = core("mask", tmp_path / "contract.json", tmp_path / "logits", "planar", height, 4, tmp_path / "mask")

    assert done.returncode == 2
    assert message in done.stderr
    assert "Exception" not in done.stderr
    assert not (tmp_path / "mask").exists()


def test_a_mask_of_a_frame_takes_six_milliseconds_at_most(kotlin_classes):
    done = kotlin.java(kotlin_classes, "pocketmask.core.MainKt", "bench", options=())

    assert done.returncode == 0, done.stderr
    fastest = {line[24:]: float(line.split()[0]) for line in done.stdout.splitlines()[1:]}
    sys.stdout.write(done.stdout)
    assert len(fastest) == 5
    # The fastest run, since this machine may be doing something else besides.
    assert fastest["logits 256² to mask 720 × 1280"] <= 6
