"""A run whose artefacts see what is bright, and whose student, untrained, sees something else."""

from pathlib import Path

import onnx
import pytest

from conversion.artefact import manifest
from conversion.artefact.kinds import KINDS
from conversion.artefact.manifest import Artefact, Manifest
from conversion.export.export import emit
from conversion.source.graph import read_graph
from training.data.conftest import browser  # noqa: F401  # a fixture
from training.run import Run
from training.student.checkpoint import Checkpoint, save_checkpoint
from training.student.contract import Contract
from training.student.network import Architecture, Student
from training.student.normalisation import NEUTRAL

BRIGHT = Contract(64, 96, 4, ("bright",), threshold=100.0)
NAMES = ("onnx", "tflite-fp32", "coreml-fp16")


@pytest.fixture(scope="session")
def run(tmp_path_factory, bright) -> Run:
    """The run, its student, three artefacts, and one that is listed and broken."""
    found = Run(tmp_path_factory.mktemp("runs") / "bright <i>run")
    found.export.mkdir(parents=True)
    model = onnx.load(str(bright(found.export / KINDS["onnx"].file, BRIGHT)))
    for name in NAMES[1:]:
        emit(read_graph(model), KINDS[name], found.export / KINDS[name].file, BRIGHT)
    Path(found.export / "student-int8.tflite").write_bytes(b"broken")
    listed = {
        name: Artefact(KINDS[name].target, KINDS[name].precision, KINDS[name].file, "", 0, 0.0, gate)
        for name, gate in zip((*NAMES, "tflite-int8"), ("passed", "passed", "breached", "unverified"), strict=True)
    }
    manifest.write(Manifest(BRIGHT, "", listed), found.export)
    architecture = Architecture("tu-mobilenetv2_050", (16, 16, 16, 16, 16), True, NEUTRAL, NEUTRAL)
    save_checkpoint(Checkpoint(Student(BRIGHT, architecture), BRIGHT, architecture, {}), found.checkpoint)
    return found
