"""SegPost, the Swift package of the iOS app, against the Python reference: every golden vector, and masks to the byte.

Without Swift these tests are skipped, but where the variable CI is set they fail.
"""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from conversion.gate.backends import BACKENDS
from conversion.golden.vectors import VECTOR_FILES, write_vectors
from parity_tests import planted_swift as planted
from parity_tests import swift
from training.data.photos import read_photo
from training.student.contract import Contract
from training.student.postprocess import postprocess
from training.student.preprocess import preprocess

pytestmark = pytest.mark.toolchain

MILLISECONDS = 6.0
"""Of 256 × 256 logits to a mask of 720 × 1280."""


@pytest.fixture(scope="session")
def golden(tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden-for-swift")
    write_vectors(folder)
    return folder


@pytest.fixture(scope="session")
def command(tmp_path_factory):
    """SegPost on files, as it ships."""
    library, path = swift.library(), tmp_path_factory.mktemp("command") / "segpost-command"
    sources = sorted((swift.PACKAGE / "Sources/Command").glob("*.swift"))
    built = swift.run("swiftc", "-O", "-warnings-as-errors", "-I", library, "-o", path, *sources, library / "SegPost.o")
    assert built.returncode == 0, built.stdout

    def run(*arguments):
        return swift.run(path, *arguments)

    return run


@pytest.fixture
def mask_of(command, tmp_path):
    """(height, width) mask that Swift makes of logits in a file, of their own float type."""

    def run(logits, contract, height, width):
        (tmp_path / "contract.json").write_text(contract.to_json(), encoding="utf-8")
        (tmp_path / "logits").write_bytes(np.ascontiguousarray(logits).astype(logits.dtype.newbyteorder("<")).tobytes())
        files = [tmp_path / "contract.json", tmp_path / "logits"]
        done = command("mask", *files, height, width, tmp_path / "mask")
        assert done.returncode == 0, done.stdout
        return np.fromfile(tmp_path / "mask", np.uint8).reshape(height, width)

    return run


def test_the_packages_tests_pass_and_replay_every_vector(golden):
    done = swift.test(swift.copy(), SEGPOST_GOLDEN=str(golden))

    assert done.returncode == 0, done.stdout
    replayed = {stem: int(count) for count, stem in re.findall(r"golden: (\d+) vectors of (\w+)", done.stdout)}
    assert replayed == {stem: len(named) for stem, (named, _) in VECTOR_FILES.items()}
    assert re.search(r"Executed [1-9]\d* tests, with 0 failures", done.stdout)
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("errors", planted.ARITHMETIC.values(), ids=planted.ARITHMETIC)
def test_the_vectors_catch_planted_errors(golden, errors):
    package = swift.copy()
    planted.plant(errors, package / "Sources/SegPost")

    done = swift.test(package, "--filter", "GoldenTests", SEGPOST_GOLDEN=str(golden))

    assert done.returncode != 0
    # Not for want of a build: the vectors themselves say so.
    failed = set(re.findall(r"error: GoldenTests\.test\w+ : failed - (.+)", done.stdout))
    assert failed >= {fails for _, _, _, fails in errors.values()}, done.stdout


@pytest.mark.parametrize("backend", ["coreml-fp32", "coreml-fp16", "tflite-fp16"])
def test_masks_of_a_trained_students_artefact_are_pythons(verified, mask_of, backend):
    runner = BACKENDS[backend].open(verified.run.checkpoint, verified.run.export)
    areas = []
    for photo in verified.photos:
        logits = runner(photo.input)
        size = photo.teacher_mask.shape
        # As an fp16 artefact hands them over, and as float32 does.
        for handed in (logits, logits.astype(np.float16)):
            expected = postprocess(handed.astype(np.float32), verified.contract, *size)
            areas.append(expected.mean())

            assert np.array_equal(mask_of(handed, verified.contract, *size), expected), photo.name
    assert min(areas) < 0.95
    assert max(areas) > 0.01


@pytest.mark.parametrize("backend", ["tflite-fp16", "coreml-fp16"])
def test_masks_of_photos_that_people_took_are_pythons(verified, real_photos, mask_of, backend):
    runner = BACKENDS[backend].open(verified.run.checkpoint, verified.run.export)
    for path in real_photos:
        photo = read_photo(path)
        logits = runner(preprocess(photo, verified.contract))

        expected = postprocess(logits, verified.contract, *photo.shape[:2])

        assert np.array_equal(mask_of(logits, verified.contract, *photo.shape[:2]), expected), path.name


def test_inputs_of_photos_are_pythons_in_every_orientation(verified, command, tmp_path):
    contract = tmp_path / "contract.json"
    contract.write_text(verified.contract.to_json(), encoding="utf-8")
    for orientation, pair in zip(range(1, 9), verified.pairs, strict=False):
        # A corner of a photo, so that no side is another's; as a camera stores it, with the tag that makes it upright.
        stored = read_photo(pair.photo)[3:, :-7]
        tagged = Image.fromarray(stored)
        tagged.getexif()[ExifTags.Base.Orientation] = orientation
        upright = np.asarray(ImageOps.exif_transpose(tagged))
        assert orientation == 1 or not np.array_equal(upright, stored)
        (tmp_path / "photo").write_bytes(stored.tobytes())

        done = command("input", contract, tmp_path / "photo", *stored.shape[:2], orientation, tmp_path / "input")

        assert done.returncode == 0, done.stdout
        expected = preprocess(upright, verified.contract)
        assert np.array_equal(np.fromfile(tmp_path / "input", np.uint8).reshape(expected.shape), expected), orientation


STREET = tuple(f"class {index}" for index in range(11))
BEYOND = {
    "one pixel of one logit": (Contract(1, 1, 1, ("coin",)), 1, 1),
    "one row": (Contract(16, 64, 4, ("coin",), open=7), 1, 997),
    "one column": (Contract(64, 16, 4, ("coin",), -1.0, 5), 1009, 1),
    "odd, landscape": (Contract(240, 320, 4, ("coin",), 0.3, 9), 467, 1283),
    "stride 16": (Contract(384, 256, 16, ("coin",), open=3), 1279, 719),
    "12 megapixels": (Contract(256, 256, 4, ("coin",), open=7), 3024, 4032),
    "11 classes, portrait": (Contract(320, 240, 4, STREET), 1281, 723),
    "256 classes, shrunk": (Contract(64, 48, 1, tuple(map(str, range(256)))), 31, 29),
}
"""A contract, and the height and width of a photo, beyond the golden vectors' sizes."""


@pytest.mark.parametrize("kind", [np.float32, np.float16])
@pytest.mark.parametrize(("contract", "height", "width"), BEYOND.values(), ids=BEYOND)
def test_masks_of_noise_are_pythons_at_any_size(mask_of, contract, height, width, kind):
    logits = np.random.default_rng(height).normal(size=contract.logits_shape).astype(kind) * kind(4)

    expected = postprocess(logits.astype(np.float32), contract, height, width)

    assert np.array_equal(mask_of(logits, contract, height, width), expected)


def test_bad_input_is_a_message_and_no_crash(command, tmp_path):
    contract = Contract(16, 24, 4, ("coin",))
    files = {"contract": tmp_path / "contract.json", "logits": tmp_path / "logits"}

    def refused(*, text=None, values=24 * (0.0,), height=9, width=9):
        files["contract"].write_text(text or contract.to_json(), encoding="utf-8")
        files["logits"].write_bytes(np.array(values, "<f4").tobytes())
        done = command("mask", *files.values(), height, width, tmp_path / "mask")
        assert done.returncode == 2, done.stdout
        assert not (tmp_path / "mask").exists()
        return done.stdout

    changed = json.loads(contract.to_json())
    assert "schema 2, this version expects 1: update the app" in refused(text=json.dumps({**changed, "schema": 2}))
    assert 'output "mask", this version expects "logits"' in refused(text=json.dumps({**changed, "output": "mask"}))
    assert "contract is not JSON" in refused(text=contract.to_json()[:-9])
    assert "92 bytes, expected 96 of float32 or 48 of float16" in refused(values=23 * [0])
    assert "logits hold nan at channel 0, row 1, column 2" in refused(values=8 * [0] + [np.nan] + 15 * [0])
    assert "found 0 × 9" in refused(height=0)
    files["logits"].unlink()
    assert "cannot be read" in command("mask", *files.values(), 9, 9, tmp_path / "mask").stdout


def test_a_mask_of_a_camera_frame_takes_milliseconds(command, capsys):
    done = command("bench", 60)

    assert done.returncode == 0, done.stdout
    with capsys.disabled():
        print(f"\n{done.stdout}")  # noqa: T201 (what this test is run for)
    fastest = {what: float(least) for what, least in re.findall(r"^(.+)\tmin ([\d.]+)", done.stdout, re.MULTILINE)}
    # The fastest of many: what the arithmetic takes, whatever else the machine does meanwhile.
    assert max(fastest[what] for what in ("mask", "mask, float16", "mask, open 7")) <= MILLISECONDS


def test_the_toolchain_says_what_is_missing(tmp_path):
    for tool in ("bash", "dirname", "uname", "id", "env"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    nowhere = {"PATH": str(tmp_path), "POCKETMASK_SWIFT": str(tmp_path / "none"), "HOME": str(tmp_path)}

    for arguments in (["--check"], ["swift", "--version"]):
        done = swift.run(*arguments, **nowhere)

        assert done.returncode == 1
        assert done.stdout.startswith("toolchain.sh: no Swift here: ")
    assert "unknown option --wrong" in swift.run("--wrong").stdout
