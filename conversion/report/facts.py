"""All figures of a run's report, read from its folder: no model runs, and no photo is read.

In JSON, null stands for a number that is not finite, such as the PSNR of two equal tensors.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conversion.artefact import manifest
from conversion.artefact.manifest import Artefact
from conversion.benchmark import artefacts, devices
from conversion.benchmark.devices import SelfTest
from conversion.export import budget_search
from conversion.export.budget_search import SearchResult
from conversion.gate import parity
from conversion.gate.drift import Drift, read_budgets
from conversion.gate.error_localisation import Localisation
from conversion.gate.parity import HopResult, Parity
from training.run import Run
from training.student.bounded_read import as_type, read_csv, read_json_as
from training.student.checkpoint import load_checkpoint

_TRAIN_AGAIN = "train the student again"

SCHEMA = 2
"""Of report.json; raised whenever a reader of the last one would stumble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtefactFacts(Artefact):
    """A converted file, and what its masks are worth."""

    name: str
    """Target and precision, such as `tflite-fp16`."""
    teacher_iou: float | None
    """Mean IoU with the teacher masks on the photos of the check; null where this machine could not run it."""
    drift: Drift | None
    """Of the hop that ends in it."""
    ms: float | None
    """Median of one inference on one thread of the machine that `bench` ran on; null where it did not."""


@dataclass(frozen=True, slots=True)
class HopFacts:
    """One step of the conversion, held against its budget."""

    hop: str
    budget: str
    """Which of the standing budgets, such as `fp16`."""
    drift: Drift
    """Units and definitions stand in budgets.yaml."""
    breaches: list[str]
    teacher_iou: float
    used: float
    """Share of the tightest budget that the drift uses; above 1 it breaches."""
    used_by: str
    """Which measure that is."""
    trail: Localisation | None
    """The drift along the graph, operator by operator, where one was followed."""


@dataclass(frozen=True, slots=True)
class PhoneFacts:
    """One artefact on one phone, as an app's self-test found."""

    test: SelfTest
    vectors: str
    """How many golden vectors are identical, of how many."""
    breaches: list[str]


@dataclass(frozen=True, slots=True)
class TrainingFacts:
    """How the student came about."""

    epoch: int
    """The best, which was kept."""
    validation_iou: float
    recipe: dict[str, Any]
    """Every option, resolved."""
    epochs: list[dict[str, float]]
    """The rows of metrics.csv."""
    versions: dict[str, str]
    """Of what trained it."""


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What the student learnt from and is judged by."""

    folder: str
    further: list[str]
    """More folders, where it learnt from several."""
    digest: str
    """Of all photos and masks together."""
    classes: list[str]
    pairs: int
    train: int
    validation: int
    """Pairs that chose the best epoch."""
    test: int
    """Pairs that chose nothing; 0 where none were kept, and the validation pairs judge."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The report."""

    schema: int
    run: str
    """Name of the run's folder."""
    is_green: bool
    """Whether the gate lets the artefacts out."""
    blind: list[str]
    """Deliberate mistakes that the gate did not notice; it is worth nothing unless this is empty."""
    photos: list[str]
    """Held out, on which every hop was compared."""
    torch_iou: float
    """Of the trained student: mean IoU with the teacher masks on these photos."""
    artefacts: list[ArtefactFacts]
    hops: list[HopFacts]
    controls: dict[str, list[str]]
    """By deliberate mistake: the breaches by which it was noticed."""
    unproven: dict[str, str]
    """By form: why this machine could not run it."""
    phones: list[PhoneFacts]
    """Empty where none took part."""
    walk: SearchResult | None
    """The search for the smallest file that holds a budget, where one was asked for."""
    evaluations: dict[str, dict[str, dict[str, list[float | None]]]]
    """By data, by whose masks (teacher, human) and measure: the value and its 95 % interval; from `evaluate`."""
    training: TrainingFacts
    architecture: dict[str, Any]
    data: DataFacts
    contract: dict[str, Any]
    versions: dict[str, str]
    """Of what converted it."""
    machine: str | None
    """On which `bench` ran."""


def gather(run: Run) -> Facts:
    """The figures of a run.

    Raises:
        BadInput: The run has not been trained, exported and verified yet.
    """
    listed = manifest.read(run.export)
    verdict = parity.read(run.parity / "parity.json")
    student = load_checkpoint(run.checkpoint)
    training = as_type(_StudentFacts, student.facts, f"what {run.checkpoint} says of its training", _TRAIN_AGAIN)
    budgets, _ = read_budgets()
    timed = artefacts.read(run)
    times = {row.sha256: row.one.p50 for row in timed.rows if row.one} if timed else {}
    data, sides = run.data(), run.split_sizes()
    return Facts(
        schema=SCHEMA,
        run=run.folder.resolve().name,
        is_green=verdict.is_green,
        blind=verdict.blind,
        photos=verdict.photos,
        torch_iou=verdict.teacher_iou["torch"],
        artefacts=[
            ArtefactFacts(
                **asdict(artefact),
                name=name,
                teacher_iou=verdict.teacher_iou.get(name),
                drift=verdict.drifts.get(name),
                ms=times.get(artefact.sha256),
            )
            for name, artefact in listed.artefacts.items()
        ],
        hops=[_hop(result, verdict, budgets[result.hop.budget]) for result in verdict.hops],
        controls=verdict.controls,
        unproven=verdict.unproven,
        phones=[PhoneFacts(one, one.vectors, one.breaches) for one in devices.read(run)],
        walk=budget_search.read(run.export),
        evaluations=_evaluations(run),
        training=TrainingFacts(
            epoch=training.epoch,
            validation_iou=training.validation_iou,
            recipe=training.recipe,
            epochs=_rows(run.metrics),
            versions=training.versions,
        ),
        architecture=asdict(student.architecture),
        data=DataFacts(
            folder=data["folder"],
            further=list(data.get("further") or ()),
            digest=data["digest"],
            classes=data["classes"],
            pairs=data["pairs"],
            train=sides["train"],
            validation=sides["validation"],
            test=sides["test"],
        ),
        contract=json.loads(listed.contract.to_json()),
        versions=listed.versions,
        machine=timed.machine if timed else None,
    )


def _hop(result: HopResult, verdict: Parity, budget: Mapping[str, float]) -> HopFacts:
    drift = asdict(result.drift)
    shares = {
        # For decibels, 20 dB more are a tenth of the error.
        name: 10 ** ((allowed - drift[name]) / 20) if name == "psnr" else max(0.0, drift[name]) / (allowed or 1)
        for name, allowed in budget.items()
    }
    measure, share = max(shares.items(), key=lambda entry: entry[1])
    return HopFacts(
        hop=str(result.hop),
        budget=result.hop.budget,
        drift=result.drift,
        breaches=result.breaches,
        teacher_iou=verdict.teacher_iou[result.hop.candidate],
        used=share,
        used_by=measure,
        trail=verdict.trails.get(str(result.hop)),
    )


@dataclass(frozen=True, slots=True)
class _Interval:
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class _Masks:
    measures: dict[str, _Interval]


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """What the report takes of an evaluation.json."""

    against: dict[str, _Masks]


@dataclass(frozen=True, slots=True)
class _StudentFacts:
    """What the report takes of a checkpoint's facts."""

    epoch: int
    validation_iou: float
    recipe: dict[str, Any]
    versions: dict[str, str]


def _evaluations(run: Run) -> dict[str, dict[str, dict[str, list[float | None]]]]:
    found = {}
    for name, path in run.evaluations().items():
        record = read_json_as(_Evaluation, path, f"delete {path.parent}, or run `evaluate` again")
        found[name] = {
            whose: {measure: [each.value, each.low, each.high] for measure, each in masks.measures.items()}
            for whose, masks in record.against.items()
        }
    return found


def _rows(path: Path) -> list[dict[str, float]]:
    if not path.is_file():
        return []
    rows = [{key: value for key, value in row.items() if value} for row in read_csv(path, _TRAIN_AGAIN)]
    return as_type(list[dict[str, float]], rows, str(path), _TRAIN_AGAIN)
