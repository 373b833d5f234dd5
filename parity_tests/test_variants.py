"""Fewer bits: every variant holds its budget whole, or the search finds which layers to keep so that one does."""

import dataclasses
import itertools
import json
import shutil

import pytest

from conversion.artefact import manifest
from conversion.export import budget_search
from conversion.export.export import export
from conversion.gate.backends import BACKENDS
from conversion.gate.drift import breaches, measure, read_budgets
from conversion.gate.negative_controls import CONTROLS
from conversion.gate.predictions import evaluate_masks
from conversion.quantisation.calibration import from_run
from training.run import Run
from training.student.errors import ParityBreached

BUDGETS, _ = read_budgets()


WHOLE = ("tflite-w8", "tflite-int8", "tflite-int8-reference", "tflite-int16", "coreml-w8", "coreml-p6")
"""Forms that hold their budget with no layer kept; a palette of 16 values for each weight does not."""


@pytest.fixture(scope="module")
def run(verified, tmp_path_factory):
    """A copy of the verified run with every variant beside its artefacts."""
    folder = tmp_path_factory.mktemp("variants") / "run"
    shutil.copytree(verified.run.folder, folder)
    run = Run(folder)
    export(run.checkpoint, run.export, (), ("w8", "int8", "int16", "p6"), from_run(run, verified.contract))
    return run


@pytest.fixture(scope="module")
def reference(verified, run):
    return evaluate_masks(BACKENDS["onnx"].open(run.checkpoint, run.export), verified.photos, verified.contract)


@pytest.mark.parametrize("backend", WHOLE)
def test_a_whole_variant_follows_its_student(verified, run, reference, backend):
    predictions = evaluate_masks(BACKENDS[backend].open(run.checkpoint, run.export), verified.photos, verified.contract)

    drift = measure(reference=reference, candidate=predictions, contract=verified.contract)

    # A minute of training leaves many pixels undecided: how many flip says little here.
    assert not breaches(drift, {name: limit for name, limit in BUDGETS["int8"].items() if name != "flips"})
    assert drift.max_error > 0


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("backend", ["tflite-int8", "coreml-p6"])
def test_a_mistake_at_the_input_of_a_variant_is_seen(verified, run, reference, backend, control):
    runner = BACKENDS[backend].open(run.checkpoint, run.export)

    predictions = evaluate_masks(CONTROLS[control](runner), verified.photos, verified.contract)

    assert breaches(measure(reference=reference, candidate=predictions, contract=verified.contract), BUDGETS["int8"])


def _shrink(verified, run, monkeypatch, ladder, **limits):
    monkeypatch.setattr(budget_search, "LADDERS", ladder)
    calibration = from_run(run, verified.contract, photos=8)
    return budget_search.search(run, (), limits, verified.pairs[:6], calibration)


def test_calibrated_files_say_on_how_many_photos_and_which(verified, run):
    artefacts = manifest.read(run.export).artefacts
    expected = from_run(run, verified.contract)

    for name in ("tflite-int8", "tflite-int16"):
        assert artefacts[name].calibration == {"photos": len(expected.inputs), "sha256": expected.sha256}
    assert artefacts["tflite-w8"].calibration is None


def test_fewer_bits_make_smaller_files(run):
    size = {name: artefact.bytes for name, artefact in manifest.read(run.export).artefacts.items()}

    assert max(size[f"tflite-{one}"] for one in ("w8", "int8", "int16")) < 0.4 * size["tflite-fp32"]
    # Depthwise kernels stay in float16, a third of so small a student.
    assert size["coreml-p6"] < size["coreml-w8"] < 0.7 * size["coreml-fp16"]


def test_integer_files_know_their_speed_and_others_claim_none(run):
    artefacts = manifest.read(run.export).artefacts

    assert {name for name, one in artefacts.items() if one.speedup} == {"tflite-w8", "tflite-int8", "tflite-int16"}


def test_the_search_keeps_the_most_sensitive_layers_and_stops_at_the_first_that_holds(
    verified, run, reference, monkeypatch
):
    predictions = evaluate_masks(
        BACKENDS["tflite-w8"].open(run.checkpoint, run.export), verified.photos[:6], verified.contract
    )
    whole = measure(reference=reference[:6], candidate=predictions, contract=verified.contract)

    result = _shrink(verified, run, monkeypatch, {"tflite": ("w8", "fp16")}, psnr=whole.psnr + 1)

    *tried, chosen = result.steps["tflite"]
    assert dataclasses.asdict(tried[0].drift) == pytest.approx(dataclasses.asdict(whole))
    assert all(step.breaches for step in tried)
    assert not chosen.breaches
    assert [len(step.kept) for step in tried] == [0, 1, 2, 4, 8, 16][: len(tried)]
    assert all(one.kept == two.kept[: len(one.kept)] for one, two in itertools.pairwise(tried))
    if chosen.variant == "tflite-w8":
        assert chosen.kept[: len(tried[-1].kept)] == tried[-1].kept
        assert chosen.bytes < manifest.read(run.export).artefacts["tflite-fp16"].bytes


def test_what_the_walk_chose_is_the_file_that_it_measured(verified, run, reference, monkeypatch):
    result = _shrink(verified, run, monkeypatch, {"coreml": ("p6", "fp16")}, iou_change=0.005)

    chosen = result.steps["coreml"][-1]
    listed = manifest.read(run.export).artefacts[chosen.variant]
    assert (listed.bytes, listed.kept) == (chosen.bytes, tuple(sorted(chosen.kept)))
    predictions = evaluate_masks(
        BACKENDS[chosen.variant].open(run.checkpoint, run.export), verified.photos[:6], verified.contract
    )
    found = measure(reference=reference[:6], candidate=predictions, contract=verified.contract)
    assert dataclasses.asdict(found) == pytest.approx(dataclasses.asdict(chosen.drift))
    assert not breaches(found, {"iou_change": 0.005})
    kept = json.loads((run.export / budget_search.FILE).read_text())
    assert kept["steps"]["coreml"][-1]["variant"] == chosen.variant


def test_a_budget_that_nothing_holds_ends_with_what_came_nearest(verified, run, monkeypatch):
    with pytest.raises(ParityBreached, match=r"no variant of tflite holds: psnr [0-9.]+ is below 500 in tflite-fp16"):
        _shrink(verified, run, monkeypatch, {"tflite": ("fp16",)}, psnr=500)
