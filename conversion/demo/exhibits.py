"""The artefacts of a run, opened to be shown side by side, and what each makes of one photo."""

from collections.abc import Iterator, Sequence
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

RUNS = 3
"""Of each artefact on each photo, timed; other work on this machine makes single ones say little."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One artefact, or the student that all are made of."""

    name: str
    predictor: Predictor
    runtime: str
    """A key of `runner.RUNTIMES`: what runs it here."""
    bytes: int
    gate: str
    """What the parity check last said of it; empty for the student."""


@dataclass(frozen=True, slots=True)
class Exhibits:
    """All of a run, the one that the others are held against first."""

    run: str
    contract: Contract
    shown: tuple[Exhibit, ...]
    faults: tuple[str, ...]
    """Of what cannot be opened, one line each."""

    def named(self, names: Sequence[str]) -> tuple[Exhibit, ...]:
        """Those of these names, in their own order."""
        return tuple(one for one in self.shown if one.name in names)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one artefact makes of one photo."""

    exhibit: Exhibit
    logits: Floats
    seconds: float
    """From the input to the logits, the median of `RUNS`; the input was made before, the mask is drawn after."""


def open_run(run: "Run") -> Exhibits:
    """The student of a run and all artefacts of its export.

    Raises:
        BadInput: Nothing has been exported, nothing of it can be opened, or its parts have different contracts.
    """
    listed = manifest.read(run.export)
    found: list[tuple[str, Path, str]] = [(STUDENT, run.checkpoint, "")] if run.checkpoint.is_file() else []
    found += [
        (name, run.export / artefact.file, artefact.gate)
        for name, artefact in listed.artefacts.items()
        # As PyTorch wrote it, it only serves the first hop.
        if artefact.file != EXPORTED.file
    ]
    shown, faults = [], []
    for name, path, gate in found:
        try:
            predictor = open_predictor(path)
            if predictor.contract != listed.contract:
                raise BadInput(f"{path} has another contract than {run.export / manifest.FILE}; export again")
        except PocketmaskError as error:
            faults.append(f"{name}: {error}")
        else:
            shown.append(Exhibit(name, predictor, RUNTIME[path.suffix], size(path), gate))
    if not shown:
        raise BadInput(f"nothing in {run.export} can be opened: {'; '.join(faults) or 'it lists no artefact'}")
    return Exhibits(run.folder.resolve().name, listed.contract, tuple(shown), tuple(faults))


def ask(exhibits: Sequence[Exhibit], photo: Pixels) -> Iterator[Answer]:
    """What each makes of a photo, (rows, columns, 3) RGB, one after another so that their times are their own.

    Raises:
        ConversionRefused: A runtime stops while it runs.
    """
    for exhibit in exhibits:
        taken = preprocess(photo, exhibit.predictor.contract)
        marks, logits = [perf_counter()], exhibit.predictor.runner(taken)
        for _ in range(RUNS - 1):
            marks.append(perf_counter())
            exhibit.predictor.runner(taken)
        marks.append(perf_counter())
        yield Answer(exhibit, logits, median(after - before for before, after in pairwise(marks)))


def examples(run: "Run", most: int = 6) -> list[Path]:
    """Photos that the run held out, to begin with; none where its data is gone."""
    try:
        held_out = run.held_out()
    except BadInput:
        return []
    return [pair.photo for pair in held_out[:most] if pair.photo.is_file()]
