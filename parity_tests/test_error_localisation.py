"""A fault planted in one operator's weights, in a saved artefact, is blamed on that operator and on no other."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from conversion.__main__ import main
from conversion.artefact import manifest
from conversion.artefact.kinds import DEFAULTS, KINDS, SIMPLIFIED
from conversion.gate import error_localisation, parity
from conversion.gate.backends import BACKENDS
from conversion.gate.drift import read_budgets
from conversion.gate.predictions import evaluate_masks
from conversion.gate.traces import TRACERS
from conversion.quantisation.rounding import rounded
from conversion.source import to_onnx
from conversion.source.graph import read_graph
from conversion.source.reference import Reference
from training.run import Run
from training.student.digest import sha256

BUDGETS, HOPS = read_budgets()
TRACED = {
    hop.candidate: hop
    for hop in HOPS
    if BACKENDS[hop.candidate].runtime in TRACERS and KINDS[BACKENDS[hop.candidate].kind].precision in DEFAULTS
}
OPEN = {"Clip", "Relu"}
"""What an artefact may compute in one with a convolution."""


@pytest.fixture(scope="module")
def reference(verified):
    return Reference(read_graph(to_onnx.load(verified.run.export / SIMPLIFIED.file)))


def _convolutions(source):
    """Those whose weights can be found again by their bytes."""
    return [node for node in source.nodes if node.operator == "Conv" and source.constants[node.inputs[1]].size > 64]


def _spoil(export, backend, node, source):
    """Negate a convolution's weights in a saved artefact."""
    kind = KINDS[BACKENDS[backend].kind]
    weight = source.constants[node.inputs[1]]
    if kind.precision == "fp16":
        weight = rounded(weight).astype(np.float16)
    path = export / kind.file
    if kind.target == "coreml":
        path, layouts = next(path.rglob("weight.bin")), [weight]
    else:
        layouts = [weight.transpose(0, 2, 3, 1), weight.transpose(1, 2, 3, 0)]
    data = path.read_bytes()
    found = [layout for layout in layouts if data.count(layout.tobytes()) == 1]
    path.write_bytes(data.replace(found[0].tobytes(), (-found[0]).tobytes()))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0], ids=["early", "middle", "late"])
@pytest.mark.parametrize("backend", [backend for backend in TRACED if "old" not in backend])
def test_the_operator_with_the_fault_is_named(verified, reference, tmp_path, backend, share):
    export = shutil.copytree(verified.run.export, tmp_path / "export")
    convolutions = _convolutions(reference.graph)
    guilty = convolutions[round(share * (len(convolutions) - 1))]
    _spoil(export, backend, guilty, reference.graph)
    photo = verified.photos[0]
    prediction = evaluate_masks(
        BACKENDS["onnx"].open(verified.run.checkpoint, verified.run.export), [photo], verified.contract
    )[0]

    tracer = TRACERS[BACKENDS[backend].runtime](export / KINDS[BACKENDS[backend].kind].file, reference.graph)
    split_run = error_localisation.run_both(reference, tracer, photo)
    fault = error_localisation.find_faulty_operator(
        split_run, photo, prediction, verified.contract, BUDGETS[TRACED[backend].budget]
    )

    assert fault is not None
    assert fault.operators[0] == str(guilty)
    assert {name.split()[0] for name in fault.operators[1:]} <= OPEN
    assert fault.breaches
    assert fault.largest_error > 0


def test_no_operator_of_a_good_artefact_is_blamed_and_every_hop_has_its_trail(verified, reference):
    for backend, hop in TRACED.items():
        if backend not in verified.parity.unproven:
            trail = verified.parity.trails[str(hop)]
            assert trail.fault is None
            assert len(trail.points) > len(reference.graph.nodes) / 2
            # No budget: a tensor may be further off than the logits of the same hop.
            assert min(point.psnr for point in trail.points) > {"fp32": 100, "fp16": 30}[hop.budget]
            assert trail.points[-1].tensor == "logits"


def test_a_trail_shows_the_tensors_that_the_runtime_itself_computes(verified, reference):
    photo = verified.photos[0]
    for backend in TRACED:
        if backend not in verified.parity.unproven:
            runner = BACKENDS[backend].open(verified.run.checkpoint, verified.run.export)
            path = verified.run.export / KINDS[BACKENDS[backend].kind].file
            held = TRACERS[BACKENDS[backend].runtime](path, reference.graph)(photo.input)
            np.testing.assert_array_equal(held["logits"][0], runner(photo.input))


def test_a_breach_is_blamed_in_words_and_pictures(verified, reference, tmp_path):
    run = Run(shutil.copytree(verified.run.folder, tmp_path / "run"))
    guilty = _convolutions(reference.graph)[3]
    _spoil(run.export, "tflite-fp16", guilty, reference.graph)
    listed = manifest.read(run.export)
    entry = listed.artefacts["tflite-fp16"]
    entry = replace(entry, sha256=sha256(run.export / entry.file))
    manifest.write(listed.with_artefact("tflite-fp16", entry), run.export)

    result = CliRunner().invoke(main, ["verify", str(run.folder), "--to", "tflite", "--photos", "2"])

    assert result.exit_code == 4
    assert f"onnx → tflite-fp16: out of budget after {guilty}" in result.output
    assert "onnx → tflite-fp32: out of budget" not in result.output
    assert f"onnx → tflite-fp16 is out of budget after {guilty}".replace("'", "&#39;") in run.report.read_text()
    assert (run.parity / "errors" / "tflite-fp16-error.jpg").is_file()
    assert not (run.parity / "errors" / "tflite-fp32-error.jpg").exists()
    assert parity.read(run.parity / "parity.json").trails["onnx → tflite-fp16"].fault is not None
