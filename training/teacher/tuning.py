"""Tunes the options of a teacher on a few pairs: searches for the values with the best mean IoU.

An option's search space is declared where the option is, as `Annotated[int, Range(3, 9)]`. Options without one are not
tuned.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from tqdm import tqdm

from training.data.pairs import Pair
from training.data.photos import read_photo
from training.data.split import split
from training.student import installation
from training.student.arrays import Pixels
from training.student.atomic_write import write_text
from training.student.errors import BadInput
from training.student.metrics import photo_iou
from training.teacher.phrases import Phrase, class_names
from training.teacher.protocol import Findings, Settings, Teacher
from training.teacher.teachers import Entry

if TYPE_CHECKING:
    from optuna.trial import Trial


@dataclass(frozen=True, slots=True)
class Range:
    """A search space: numbers from low to high, both included."""

    low: float
    high: float
    log: bool = False
    """Whether to sample on a logarithmic scale."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A search space: a few values."""

    values: tuple[Any, ...]


def search_space(options: type[Settings]) -> dict[str, Range | Choice]:
    """The search space of each option that has one, by name, in order of declaration."""
    found = {}
    for name, field in options.model_fields.items():
        for entry in field.metadata:
            if isinstance(entry, Range | Choice):
                found[name] = entry
    return found


class TeacherScorer:
    """Scores a teacher's options on pairs. It runs `look` again only if an option changed that `look` reads."""

    def __init__(
        self,
        entry: Entry,
        pairs: Sequence[Pair],
        phrases: tuple[Phrase, ...],
        weights: str | None = None,
        device: str = "auto",
    ) -> None:
        """For the teacher of `entry`; nothing is read or loaded yet."""
        self._entry = entry
        self.pairs = pairs
        self._phrases = phrases
        self._place = weights, device
        self._teacher: Teacher | None = None
        self._looked: dict[str, Any] = {}
        self._findings: list[Findings] = []
        self._teacher_masks: list[Pixels] = []

    def __call__(self, options: Settings) -> float:
        """The mean IoU over photos with these options.

        Raises:
            BadInput: A photo or mask cannot be read, or weights are missing.
        """
        teacher = self._with(options)
        count = len(class_names(self._phrases))
        both = zip(self._findings, self._teacher_masks, strict=True)
        return float(
            np.mean(
                [photo_iou(reference=mask, candidate=teacher.decide(seen).mask, classes=count) for seen, mask in both]
            )
        )

    def _with(self, options: Settings) -> Teacher:
        looking = options.model_dump(exclude=set(options.decide_only))
        if self._teacher is None or looking != self._looked:
            self._teacher = teacher = self._entry.build(options, self._phrases, *self._place)
            self._looked = looking
            self._findings = [teacher.look([read_photo(pair.photo)])[0] for pair in self.pairs]
        if not self._teacher_masks:
            count = len(class_names(self._phrases))
            sizes = [seen.size for seen in self._findings]
            self._teacher_masks = [pair.read_mask(size, count) for pair, size in zip(self.pairs, sizes, strict=True)]
        # Only `decide` reads the options that changed. The protocol declares settings read-only so that each teacher
        # can narrow their type; every teacher keeps them as a plain attribute.
        self._teacher.settings = options  # type: ignore[misc]
        return self._teacher


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """Mean IoU over some photos, before and after tuning."""

    photos: int
    before: float
    after: float

    def __str__(self) -> str:
        """One line."""
        return f"{self.before:.4f} to {self.after:.4f} over {self.photos} photos"


@dataclass(frozen=True, slots=True)
class TuningResult:
    """The result of tuning."""

    options: Settings
    own: BeforeAfter
    """On the photos used for tuning."""
    other: BeforeAfter | None
    """On photos not used for tuning."""

    def __str__(self) -> str:
        """One line, or two."""
        return f"tuned on   IoU {self.own}" + (f"\nothers     IoU {self.other}" if self.other else "")

    def write(self, path: Path) -> None:
        """Write all options as YAML, with their IoU as a comment.

        Raises:
            BadInput: The file cannot be written.
        """
        about = "".join(f"# {line}\n" for line in str(self).splitlines())
        write_text(path, about + yaml.safe_dump(self.options.model_dump(mode="json", by_alias=True), sort_keys=False))


def split_halves(pairs: Sequence[Pair]) -> dict[str, tuple[Pair, ...]]:
    """Split into halves `a` and `b` that share no scene; always the same two.

    Raises:
        BadInput: There are too few pairs or scenes.
    """
    sides = split(pairs, validation=0.5, seed=0)
    return {"a": sides.train, "b": sides.validation}


def scorers_of_halves(
    pairs: Sequence[Pair], half: str | None, scorer: Callable[[Sequence[Pair]], TeacherScorer]
) -> list[tuple[TeacherScorer, TeacherScorer | None]]:
    """The scorers to tune with, each beside the one that judges its result on photos that it has not seen.

    Args:
        pairs: All pairs.
        half: `a` or `b` tunes on that half and judges on the other, `both` does so on each in turn; None tunes on all
            pairs and judges on none.
        scorer: Makes the scorer of some pairs.

    Raises:
        BadInput: There are too few pairs or scenes to split.
    """
    if half is None:
        return [(scorer(pairs), None)]
    a, b = (scorer(own) for own in split_halves(pairs).values())
    judged = {"a": (a, b), "b": (b, a)}
    return list(judged.values()) if half == "both" else [judged[half]]


def tune_teacher(
    own: TeacherScorer,
    start: Settings,
    *,
    fixed: Collection[str] = (),
    trials: int,
    seed: int,
    other: TeacherScorer | None = None,
) -> TuningResult:
    """Find the best of `trials` sets of options; the first is `start`.

    Sampled by a tree-structured Parzen estimator (Bergstra et al., Algorithms for Hyper-Parameter Optimization, 2011).

    Args:
        own: Scores each trial.
        start: Options to begin with; those without a search space stay as they are.
        fixed: Names of further options that stay as they are.
        trials: At least 1.
        seed: Equal seeds give equal trials.
        other: Scores the result on photos that `own` does not use.

    Raises:
        BadInput: optuna is not installed, there is no option to tune, or as the scorers.
    """
    try:
        import optuna
    except ImportError as error:
        raise installation.missing("tuning", "optuna") from error
    space = {name: span for name, span in search_space(type(start)).items() if name not in fixed}
    if not space:
        raise BadInput("no option to tune: none has a search space, or all were given as KEY=VALUE; leave some out")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=max(10, trials // 8))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial({name: getattr(start, name) for name in space})
    best, figures = start, []
    with tqdm(range(trials), "tune", unit=" trials", leave=False, disable=None) as bar:
        for _ in bar:
            trial = study.ask()
            drawn = {name: _suggest(trial, name, span, getattr(start, name)) for name, span in space.items()}
            options = type(start).model_validate({**start.model_dump(by_alias=True), **drawn})
            figures.append(own(options))
            study.tell(trial, figures[-1])
            if figures[-1] > max(figures[:-1], default=-1):
                best = options
                bar.set_postfix_str(f"IoU {figures[-1]:.4f}")
    return TuningResult(
        best,
        BeforeAfter(len(own.pairs), figures[0], max(figures)),
        BeforeAfter(len(other.pairs), other(start), other(best)) if other else None,
    )


def _suggest(trial: "Trial", name: str, span: Range | Choice, like: object) -> Any:
    if isinstance(span, Choice):
        return trial.suggest_categorical(name, span.values)
    if isinstance(like, int):
        return trial.suggest_int(name, int(span.low), int(span.high), log=span.log)
    # Round to three digits, which is precise enough and keeps the file readable.
    return float(f"{trial.suggest_float(name, span.low, span.high, log=span.log):.3g}")
