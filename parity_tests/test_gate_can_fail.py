"""A gate that cannot fail is no gate: each common mistake must trip it, and trip it for the right reason."""

import dataclasses
import shutil

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import numpy_helper

from conversion.__main__ import main
from conversion.artefact import manifest
from conversion.gate import parity
from conversion.gate.backends import BACKENDS
from conversion.gate.drift import breaches, measure, read_budgets
from conversion.gate.negative_controls import CONTROLS
from conversion.gate.predictions import evaluate_masks
from conversion.runtimes.runner import onnxruntime
from training.run import Run
from training.student.digest import sha256
from training.student.errors import BadInput

BUDGETS, _ = read_budgets()


@pytest.fixture(scope="module")
def good(verified):
    runner = BACKENDS["onnx"].open(verified.run.checkpoint, verified.run.export)
    return runner, evaluate_masks(runner, verified.photos, verified.contract)


@pytest.fixture
def run(verified, tmp_path):
    """A copy of the verified run that a test may damage."""
    shutil.copytree(verified.run.folder, tmp_path / "run")
    return Run(tmp_path / "run")


@pytest.mark.parametrize("budget", ["fp32", "fp16", "int8"])
def test_an_honest_runner_passes(verified, good, budget):
    runner, reference = good

    drift = measure(
        reference=reference,
        candidate=evaluate_masks(runner, verified.photos, verified.contract),
        contract=verified.contract,
    )

    assert not breaches(drift, {k: v for k, v in BUDGETS[budget].items() if k != "psnr"})
    assert drift.max_error == 0


@pytest.mark.parametrize("budget", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("control", CONTROLS)
def test_a_mistake_at_the_input_trips_every_budget(verified, good, control, budget):
    runner, reference = good

    candidate = evaluate_masks(CONTROLS[control](runner), verified.photos, verified.contract)

    assert breaches(measure(reference=reference, candidate=candidate, contract=verified.contract), BUDGETS[budget])


def _rewritten(path, change):
    model = onnx.load(str(path))
    change(model)
    onnx.save(model, str(path))


def _perturb_one_weight(model):
    """The largest weight of the last convolution, with the wrong sign: one flipped bit."""
    head = [node for node in model.graph.node if node.op_type == "Conv"][-1]
    tensor = next(one for one in model.graph.initializer if one.name == head.input[1])
    weights = numpy_helper.to_array(tensor).copy()
    weights.flat[np.abs(weights).argmax()] *= -1
    tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))


def _nudge_one_weight(model):
    """The same weight by a twentieth: less than fp16 may drift, but no step in fp32 does that."""
    head = [node for node in model.graph.node if node.op_type == "Conv"][-1]
    tensor = next(one for one in model.graph.initializer if one.name == head.input[1])
    weights = numpy_helper.to_array(tensor).copy()
    weights.flat[np.abs(weights).argmax()] *= 1.05
    tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))


def _drop_normalisation(model):
    """As a graph that expects its caller to have subtracted the mean."""
    node = next(node for node in model.graph.node if node.op_type == "Sub")
    tensor = next(one for one in model.graph.initializer if one.name == node.input[1])
    tensor.CopyFrom(numpy_helper.from_array(np.zeros_like(numpy_helper.to_array(tensor)), tensor.name))


@pytest.mark.parametrize(
    ("damage", "budget"),
    [
        (_nudge_one_weight, "fp32"),
        (_perturb_one_weight, "fp32"),
        (_perturb_one_weight, "fp16"),
        (_drop_normalisation, "fp32"),
        (_drop_normalisation, "fp16"),
    ],
)
def test_a_damaged_file_trips_the_gate(verified, good, run, damage, budget):
    _, reference = good
    path = run.export / "student.onnx"
    _rewritten(path, damage)

    candidate = evaluate_masks(onnxruntime(path), verified.photos, verified.contract)

    assert breaches(measure(reference=reference, candidate=candidate, contract=verified.contract), BUDGETS[budget])


def test_nan_is_a_breach(good, verified):
    _, reference = good
    candidate = [dataclasses.replace(one, logits=np.full_like(one.logits, np.nan)) for one in reference]

    drift = measure(reference=reference, candidate=candidate, contract=verified.contract)

    assert all(breaches(drift, budget) for budget in BUDGETS.values())


def test_a_breach_ends_with_exit_code_4_and_marks_the_manifest(run):
    path = run.export / "student.onnx"
    _rewritten(path, _perturb_one_weight)
    listed = manifest.read(run.export)
    manifest.write(
        listed.with_artefact("onnx", dataclasses.replace(listed.artefacts["onnx"], sha256=sha256(path))), run.export
    )

    result = CliRunner().invoke(main, ["verify", str(run.folder), "--photos", "4"])

    assert result.exit_code == 4
    assert "onnx-exported → onnx" in result.output
    assert manifest.read(run.export).artefacts["onnx"].gate == "breached"


def test_an_artefact_that_is_not_the_one_listed_is_refused(run):
    _rewritten(run.export / "student.onnx", _perturb_one_weight)

    result = CliRunner().invoke(main, ["verify", str(run.folder)])

    assert result.exit_code == 2
    assert "is not the artefact that the manifest lists" in result.output


def test_a_manifest_path_that_leaves_the_folder_is_refused(run):
    path = run.export / manifest.FILE
    path.write_text(path.read_text().replace('"student.onnx"', '"../student.onnx"'))

    with pytest.raises(BadInput, match="not a file beside it"):
        manifest.read(run.export)


def test_a_gate_that_notices_nothing_is_itself_a_breach(verified):
    blind = dataclasses.replace(verified.parity, controls={"mirrored": []})

    assert blind.blind == ["mirrored"]
    assert not blind.is_green
    assert "GOES UNNOTICED" in parity.as_text(blind)
