"""Opens the artefacts of a run for the page, and runs and times them on one photo."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from conversion.apply.predictor import RUNTIME, Predictor, open_predictor
from conversion.artefact import manifest
from conversion.artefact.kinds import EXPORTED, size
from training.student.arrays import Floats, Pixels
from training.student.contract import Contract
from training.student.errors import BadInput, PocketmaskError
from training.student.preprocess import preprocess

if TYPE_CHECKING:
    from training.run import Run

STUDENT = "trained student"

TIMED_RUNS = 3
"""How often each artefact runs on a photo; a single time is unreliable while the machine does other work."""


@dataclass(frozen=True, slots=True)
class DemoModel:
    """One artefact, or the trained student from which all of them were exported."""

    name: str
    predictor: Predictor
    runtime: str
    """The key of `runner.RUNTIMES` for what runs it on this machine."""
    bytes: int
    gate: str
    """The result of its last parity check; empty for the student."""


@dataclass(frozen=True, slots=True)
class DemoModels:
    """All models of a run. The first one is the reference."""

    run: str
    """The run's name."""
    contract: Contract
    models: tuple[DemoModel, ...]
    faults: tuple[str, ...]
    """One line for each file that cannot be opened."""

    def named(self, names: Sequence[str]) -> tuple[DemoModel, ...]:
        """The models of these names, in the order of `models`."""
        return tuple(model for model in self.models if model.name in names)


@dataclass(frozen=True, slots=True)
class Inference:
    """The output of one model for one photo."""

    model: DemoModel
    logits: Floats
    seconds: float
    """The median time of `TIMED_RUNS` from input to logits, without preprocessing and post-processing."""


def open_models(run: "Run") -> DemoModels:
    """Open the student of a run and all artefacts of its export.

    A file that cannot be opened, or that has another contract than the export, becomes one of the `faults`.

    Raises:
        BadInput: Nothing has been exported, or no file can be opened.
    """
    listed = manifest.read(run.export)
    found: list[tuple[str, Path, str]] = [(STUDENT, run.checkpoint, "")] if run.checkpoint.is_file() else []
    found += [
        (name, run.export / artefact.file, artefact.gate)
        for name, artefact in listed.artefacts.items()
        # The ONNX file as PyTorch wrote it is only compared in the first hop.
        if artefact.file != EXPORTED.file
    ]
    models, faults = [], []
    for name, path, gate in found:
        try:
            predictor = open_predictor(path)
            if predictor.contract != listed.contract:
                raise BadInput(f"{path} has a different contract from {run.export / manifest.FILE}; export again")
        except PocketmaskError as error:
            faults.append(f"{name}: {error}")
        else:
            models.append(DemoModel(name, predictor, RUNTIME[path.suffix], size(path), gate))
    if not models:
        raise BadInput(f"nothing in {run.export} can be opened: {'; '.join(faults) or 'it lists no artefact'}")
    return DemoModels(run.folder.resolve().name, listed.contract, tuple(models), tuple(faults))


def run_model(model: DemoModel, photo: Pixels) -> Inference:
    """Run a model on a photo, (rows, columns, 3) RGB.

    Raises:
        ConversionRefused: The runtime fails while it runs.
    """
    image = preprocess(photo, model.predictor.contract)
    marks, logits = [perf_counter()], model.predictor.runner(image)
    for _ in range(TIMED_RUNS - 1):
        marks.append(perf_counter())
        model.predictor.runner(image)
    marks.append(perf_counter())
    return Inference(model, logits, median(after - before for before, after in pairwise(marks)))


def example_photos(run: "Run", most: int = 6) -> list[Path]:
    """Held-out photos of the run to start with; none if its data no longer exists."""
    try:
        held_out = run.held_out()
    except BadInput:
        return []
    return [pair.photo for pair in held_out[:most] if pair.photo.is_file()]
