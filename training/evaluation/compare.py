"""Students compared on the same photos: one table, and one picture of their confusion matrices."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.data.pairs import Pairs
from training.evaluation.evaluate import evaluate
from training.evaluation.figures import draw_confusions
from training.evaluation.mean_iou import refuse_other_classes
from training.evaluation.segmentation_metrics import MEASURES, SegmentationMetrics
from training.run import Run
from training.student.atomic_write import atomic_path, write_text
from training.student.checkpoint import Checkpoint
from training.student.errors import BadInput

FILES = ("comparison.md", "confusion.png")
"""What a comparison's folder holds; the picture where there are several classes."""


def evaluate_runs(
    runs: Sequence[Run], students: Sequence[Checkpoint], pairs: Pairs, *, warn: Callable[[str], None]
) -> dict[str, SegmentationMetrics]:
    """Metrics of each run's student on the same pairs, by the run's name, or its folder where two have one name.

    Args:
        runs: The runs.
        students: The student of each.
        pairs: Photos with masks of the students' classes.
        warn: Takes a line for each run that learnt from some of the pairs.

    Raises:
        BadInput: A student has other classes, or a file cannot be read.
    """
    found: dict[str, SegmentationMetrics] = {}
    short = [run.folder.resolve().name for run in runs]
    # Two runs of one name are told apart by their folders.
    names = [name if short.count(name) == 1 else str(run.folder) for run, name in zip(runs, short, strict=True)]
    for run, student, name in zip(runs, students, names, strict=True):
        refuse_other_classes(student.contract, pairs)
        if learnt := run.learnt_from(pairs):
            warn(f"note: {name} learnt from {learnt} of these {len(pairs.pairs)} photos")
        found[name] = evaluate(student, pairs.pairs, {}, robustness=False, worst=0).teacher.metrics
    return found


def describe_students(students: Sequence[Checkpoint]) -> dict[str, list[str]]:
    """Input size and number of parameters: rows of `comparison_table` by their title."""
    parameters = [sum(one.numel() for one in student.student.parameters()) for student in students]
    return {
        "input, rows × columns": [f"{one.contract.height} × {one.contract.width}" for one in students],
        "parameters, millions": [f"{count / 1e6:.2f}" for count in parameters],
    }


def as_record(students: Mapping[str, SegmentationMetrics]) -> dict[str, Any]:
    """The figures of each student, for other programs: `measures`, and of several classes those `by_class`."""
    return {
        name: {
            "measures": {key: found._asdict() for key, found in metrics.measures().items()},
            "by_class": {
                one: {key: found._asdict() for key, found in ratios.items()}
                for one, ratios in (metrics.by_class() if len(metrics.classes) > 1 else {}).items()
            },
        }
        for name, metrics in students.items()
    }


def comparison_table(students: Mapping[str, SegmentationMetrics], facts: Mapping[str, Sequence[str]]) -> str:
    """Markdown: a column for each student, the best figure of each row in bold; means, then IoU class by class.

    Args:
        students: Metrics of each student, by its name, on the same photos.
        facts: Further rows by their title, a text for each student.
    """
    measures = {
        name: {key: found.value for key, found in metrics.measures().items()} for name, metrics in students.items()
    }
    rows = [(words, [measures[name][key] for name in students]) for key, words in MEASURES.items()]
    first = next(iter(students.values()))
    if len(first.classes) > 1:
        found = {name: metrics.by_class() for name, metrics in students.items()}
        rows += [(f"IoU of {one}", [found[name][one]["iou"].value for name in students]) for one in first.classes]
    lines = [
        f"| {len(first.rows)} photos | {' | '.join(students)} |",
        f"|---|{'---:|' * len(students)}",
        *(f"| {title} | {' | '.join(texts)} |" for title, texts in facts.items()),
        *(f"| {title} | {' | '.join(_best_in_bold(values))} |" for title, values in rows),
    ]
    return "\n".join(lines)


def _best_in_bold(values: Sequence[float]) -> Iterator[str]:
    texts = [f"{value:.4f}" if value == value else "" for value in values]
    best = max(texts)
    return (f"**{text}**" if text and text == best else text for text in texts)


def refuse_another_folder(folder: Path) -> None:
    """Raise if a folder holds anything but an earlier comparison: it is replaced as a whole.

    Raises:
        BadInput: It does, or it is a file.
    """
    if not folder.exists():
        return
    is_ours = folder.is_dir() and all(path.name in FILES or path.name.startswith(".") for path in folder.iterdir())
    if not is_ours:
        raise BadInput(f"{folder} exists and is no comparison of ours; choose another folder with --out")


def write_comparison(
    students: Mapping[str, SegmentationMetrics], facts: Mapping[str, Sequence[str]], folder: Path
) -> str:
    """The folder at once: comparison.md, which is returned, and confusion.png of several classes.

    Raises:
        BadInput: It cannot be written, or holds something else.
    """
    refuse_another_folder(folder)
    text = comparison_table(students, facts)
    with atomic_path(folder) as temporary:
        write_text(temporary / "comparison.md", f"{text}\n")
        classes = next(iter(students.values())).classes
        if len(classes) > 1:
            counts = {name: metrics.confusion for name, metrics in students.items()}
            draw_confusions(counts, classes, temporary / "confusion.png")
    return text
