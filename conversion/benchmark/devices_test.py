import json

import pytest
from click.testing import CliRunner

from conversion.__main__ import main
from conversion.artefact import manifest
from conversion.artefact.manifest import Artefact, Manifest
from conversion.benchmark import devices
from conversion.golden.vectors import VECTOR_FILES
from training.run import Run
from training.student.contract import Contract

SHA = "0123456789abcdef" * 4


def _saved(**changes):
    """What an app saves, with these keys changed; a dotted key goes inside, and None takes the key away."""
    record = {
        "schema": 1,
        "device": "Maker Phone 9",
        "system": "Android 15, API 35",
        "runtime": "LiteRT 2.1.6",
        "unit": "GPU",
        "model": "coins",
        "artefact": "tflite-fp16",
        "sha256": SHA,
        "golden": [{"file": file, "vectors": len(cases), "failed": []} for file, (cases, _) in VECTOR_FILES.items()],
        "drift": {"flips": 1.0e-4, "pixels": 76800, "error": 0.02, "psnr": None},
        "ms": {"p50": 7.25, "p90": 9.5, "runs": 50},
    }
    for key, value in changes.items():
        *inside, last = key.split(".")
        within = record
        for name in inside:
            within = within[name]
        if value is None:
            del within[last]
        else:
            within[last] = value
    return record


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Run(tmp_path / "runs" / "coins")
    artefact = Artefact("tflite", "fp16", "student-fp16.tflite", SHA, 9, 0.1, gate="passed")
    manifest.write(Manifest(Contract(16, 16, 4, ("coin",)), "c" * 64, {"tflite-fp16": artefact}), run.export)
    return run


@pytest.fixture
def bench(tmp_path):
    """The command, given files of these contents."""

    def call(*contents, run=()):
        arguments = ["bench", *map(str, run)]
        for number, content in enumerate(contents):
            path = tmp_path / f"saved{number}.json"
            path.write_text(content if isinstance(content, str) else json.dumps(content))
            arguments += ["--import", str(path)]
        return CliRunner().invoke(main, arguments)

    return call


def test_what_a_phone_saved_is_kept_with_the_run_that_it_names(run, bench):
    done = bench(_saved())

    assert done.exit_code == 0, done.output
    row = "| coins | tflite fp16 | Maker Phone 9 | Android 15, API 35 | LiteRT 2.1.6 | GPU | 7.2 | 9.5 | 0.0100% |"
    assert row in done.stdout
    assert [one.device for one in devices.read(run)] == ["Maker Phone 9"]


def test_another_run_can_be_named(run, bench):
    assert bench(_saved(model="another")).exit_code == 2
    assert bench(_saved(model="another"), run=[run.folder]).exit_code == 0


def test_a_phone_takes_the_place_of_what_it_found_before_and_stands_beside_others(run, bench):
    bench(_saved())
    bench(_saved(**{"ms.p50": 5.0}), _saved(unit="CPU"))

    assert [(one.unit, one.ms.p50) for one in devices.read(run)] == [("CPU", 7.25), ("GPU", 5.0)]


def test_a_decibel_left_out_is_none(run, bench):
    bench(_saved(**{"drift.psnr": None}))

    assert devices.read(run)[0].drift.psnr is None


def test_what_was_found_of_an_artefact_before_this_one_is_not_shown(run, bench):
    bench(_saved())
    listed = manifest.read(run.export)
    newer = Artefact("tflite", "fp16", "student-fp16.tflite", "f" * 64, 9, 0.1)
    manifest.write(listed.with_artefact("tflite-fp16", newer), run.export)

    assert devices.read(run) == []
    assert devices.as_markdown([run]) == ""


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"drift.flips": 0.0011}, "Maker Phone 9, GPU: flips 0.0011 > 0.001"),
        (
            {
                "golden": [
                    {"file": file, "vectors": 2, "failed": ["odd"] if file == "resize" else []} for file in VECTOR_FILES
                ]
            },
            "golden vectors differ: resize (odd)",
        ),
    ],
)
def test_a_phone_that_computes_otherwise_is_kept_and_complained_of(run, bench, changes, says):
    done = bench(_saved(**changes))

    assert done.exit_code == 4
    assert says in done.stderr
    assert len(devices.read(run)) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is not JSON"),
        (json.dumps(_saved())[:-20], "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "expected an object with schema 1"),
        (_saved(schema=2), "has schema 2, this version reads 1"),
        (_saved(schema=None), "expected an object with schema 1"),
        (_saved(unit=None), "unit: Field required"),
        (_saved(colour="red"), "colour: Extra inputs are not permitted"),
        (_saved(device=""), "device: String should have at least 1 character"),
        (_saved(sha256="ab"), "sha256: String should match"),
        (_saved(sha256="f" * 64), "sha256 ffffffffffff…, the run's has 0123456789ab…"),
        (_saved(artefact="tflite-int8"), "is of tflite-int8 with sha256 0123456789ab…, the run has none"),
        (_saved(model="../coins"), "'../coins', which is not the name of a run"),
        (_saved(golden=[]), "golden: Tuple should have at least 1 item"),
        (_saved(golden=[{"file": "resize", "vectors": 3, "failed": []}]), "golden lacks background, cut_out"),
        (_saved(**{"drift.flips": 1.5}), "drift.flips: Input should be less than or equal to 1"),
        (_saved(**{"drift.error": float("nan")}), "NaN is no number of JSON"),
        (_saved(**{"ms.p50": 0}), "ms.p50: Input should be greater than 0"),
        (_saved(**{"ms.p90": 1.0}), "p50 7.25 above p90 1"),
    ],
)
def test_a_bad_file_is_refused_in_one_line_and_nothing_is_kept(run, bench, content, says):
    done = bench(content)

    assert done.exit_code == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not run.phones.exists()


def test_a_file_that_is_not_there_is_refused(run):
    done = CliRunner().invoke(main, ["bench", "--import", "nowhere.json"])

    assert done.exit_code == 2
    assert "cannot read nowhere.json: No such file" in done.stderr
