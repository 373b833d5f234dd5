"""Students compared on the same photos: one table, and one picture of their confusion matrices."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from training.evaluation.figures import draw_confusions
from training.evaluation.segmentation_metrics import MEASURES, SegmentationMetrics
from training.student.atomic_write import atomic_path, write_text


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


def write_comparison(
    students: Mapping[str, SegmentationMetrics], facts: Mapping[str, Sequence[str]], folder: Path
) -> str:
    """The folder at once: comparison.md, which is returned, and confusion.png of several classes.

    Raises:
        BadInput: It cannot be written.
    """
    text = comparison_table(students, facts)
    with atomic_path(folder) as temporary:
        write_text(temporary / "comparison.md", f"{text}\n")
        classes = next(iter(students.values())).classes
        if len(classes) > 1:
            counts = {name: metrics.confusion for name, metrics in students.items()}
            draw_confusions(counts, classes, temporary / "confusion.png")
    return text
