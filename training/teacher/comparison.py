"""Benchmarks teachers on labelled pairs: IoU, dice, boundary IoU, speed, and the worst photos of each."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from training import options
from training.data import failure_sheet
from training.data.failure_sheet import Failure
from training.data.pairs import Pair
from training.data.photos import read_photo
from training.student.arrays import Pixels
from training.student.errors import BadInput
from training.student.metrics import PHOTO_MEASURES
from training.teacher import teachers
from training.teacher.phrases import Phrase, class_names
from training.teacher.protocol import ByPhoto, Settings, Teacher
from training.teacher.weights import WeightsMissing

_ALONE = 5
"""Photos to time one at a time, after one that warms up."""


@dataclass(frozen=True, slots=True)
class TeacherSpec:
    """A teacher as the command line names it, with its settings and weights."""

    label: str
    entry: teachers.Entry
    settings: Settings
    weights: str | None

    def build(self, phrases: tuple[Phrase, ...], device: str) -> Teacher:
        """Make the teacher.

        Raises:
            BadInput: Weights are missing.
        """
        try:
            return self.entry.build(self.settings, phrases, self.weights, device)
        except WeightsMissing as error:
            raise BadInput(f"{error} in FILE.yaml, as {_with_settings(self.label)}") from error


def parse_teachers(given: str, weights: Sequence[str] = ()) -> list[TeacherSpec]:
    """Parse teachers from the command line.

    Args:
        given: `NAME` or `NAME:SETTINGS.yaml`, separated by commas.
        weights: `NAME=FOLDER` each.

    Raises:
        BadInput: There is no such teacher, its settings are not valid, or weights are given for another teacher.
    """
    folders = {}
    for one in weights:
        name, equals, folder = one.partition("=")
        if not equals:
            raise BadInput(f"weights '{one}' are not of the form TEACHER=FOLDER")
        folders[name] = folder
    found = []
    for one in (part.strip() for part in given.split(",")):
        name, colon, file = one.partition(":")
        entry = teachers.find_teacher(name)
        try:
            settings = options.read(entry.options(), name, Path(file) if colon else None)
        except BadInput as error:
            hint = "" if colon else f" in FILE.yaml, as {_with_settings(name)}"
            raise BadInput(f"{error}{hint}") from error
        found.append(TeacherSpec(f"{name}:{Path(file).stem}" if colon else name, entry, settings, folders.get(name)))
    if unknown := folders.keys() - {one.label.partition(":")[0] for one in found}:
        raise BadInput(f"--weights names {', '.join(sorted(unknown))}, which --teachers does not name; add it there")
    if twice := [one.label for index, one in enumerate(found) if one.label in [two.label for two in found[:index]]]:
        raise BadInput(f"--teachers names {twice[0]} more than once; give its settings files different names")
    return found


def _with_settings(label: str) -> str:
    """How to pass settings to a command that takes no KEY=VALUE."""
    return f"--teachers {label.partition(':')[0]}:FILE.yaml"


@dataclass(frozen=True, slots=True)
class PhotoScores:
    """The scores of one teacher on one photo."""

    teacher: str
    photo: str
    iou: float
    dice: float
    boundary_iou: float


@dataclass(frozen=True, slots=True)
class TeacherResult:
    """The result of one teacher."""

    rows: tuple[PhotoScores, ...]
    latency: float
    """Milliseconds for one photo, median of a few, without reading the file."""
    rate: float
    """Photos per second in batches, without reading files."""
    worst: tuple[Failure, ...]
    """The worst photos, worst first."""

    @property
    def teacher(self) -> str:
        """The teacher's label."""
        return self.rows[0].teacher

    def means(self) -> dict[str, float]:
        """Mean scores and times, by name."""
        measured = {name: float(np.mean([getattr(row, name) for row in self.rows])) for name in PHOTO_MEASURES}
        return {**measured, "latency_ms": self.latency, "photos_per_second": self.rate}


def evaluate_teachers(
    specs: Sequence[TeacherSpec],
    pairs: Sequence[Pair],
    phrases: tuple[Phrase, ...],
    *,
    device: str,
    batch: int,
    worst: int,
    warn: Callable[[str], None],
) -> list[TeacherResult]:
    """Benchmark teachers on all pairs; one that cannot run here is left out.

    Args:
        specs: The teachers.
        pairs: As in `evaluate_teacher`.
        phrases: Likewise.
        device: Likewise.
        batch: Likewise.
        worst: Likewise.
        warn: Takes a line for each teacher that is left out.

    Raises:
        BadInput: None is left.
    """
    results = []
    for spec in specs:
        try:
            results.append(evaluate_teacher(spec, pairs, phrases, device=device, batch=batch, worst=worst))
        except BadInput as error:
            warn(f"{spec.label} is left out: {error}")
    if not results:
        raise BadInput("no teacher was left to compare; see above")
    return results


def evaluate_teacher(
    spec: TeacherSpec, pairs: Sequence[Pair], phrases: tuple[Phrase, ...], *, device: str, batch: int, worst: int
) -> TeacherResult:
    """Benchmark one teacher on all pairs.

    Args:
        spec: The teacher.
        pairs: Photos, and the masks to compare with.
        phrases: What to look for; they match the classes of the pairs.
        device: A torch device.
        batch: Photos per call of `look`.
        worst: How many of its worst photos to keep.

    Raises:
        BadInput: Its weights are missing, or a file cannot be read.
    """
    teacher = spec.build(phrases, device)
    count = len(class_names(phrases))
    alone = []
    for pair in (pairs[0], *pairs[:_ALONE]):
        photo = read_photo(pair.photo)
        alone.append(_timed(teacher, [pair], [photo])[1])
    rows: list[PhotoScores] = []
    failures: list[Failure] = []
    seconds = 0.0
    for group in tqdm(list(_grouped(pairs, batch)), spec.label, unit=" batches", leave=False, disable=None):
        photos = [read_photo(pair.photo) for pair in group]
        masks, taken = _timed(teacher, group, photos)
        seconds += taken
        for pair, mask in zip(group, masks, strict=True):
            reference = pair.read_mask(mask.shape, count)
            measured = {
                name: measure(reference=reference, candidate=mask, classes=count)
                for name, measure in PHOTO_MEASURES.items()
            }
            rows.append(PhotoScores(spec.label, pair.name, **measured))
            failures.append(Failure(rows[-1].iou, pair, mask))
        failures = failure_sheet.worst_failures(failures, worst)
    return TeacherResult(tuple(rows), 1000 * float(np.median(alone[1:])), len(pairs) / seconds, tuple(failures))


def _timed(teacher: Teacher, group: Sequence[Pair], photos: Sequence[Pixels]) -> tuple[list[Pixels], float]:
    started = time.perf_counter()
    if isinstance(teacher, ByPhoto):
        each = [teacher.of(pair.photo.name) for pair in group]
        masks = [one.decide(one.look([photo])[0]).mask for one, photo in zip(each, photos, strict=True)]
    else:
        masks = [teacher.decide(findings).mask for findings in teacher.look(photos)]
    return masks, time.perf_counter() - started


def _grouped(pairs: Sequence[Pair], batch: int) -> Iterator[Sequence[Pair]]:
    for start in range(0, len(pairs), batch):
        yield pairs[start : start + batch]
