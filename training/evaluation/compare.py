"""Students held side by side on the same photos: one table, and their confusions in one picture."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from training.evaluation.figures import draw_confusions
from training.evaluation.judge import MEASURES, Judge
from training.student.atomic_write import atomic_path, write_text


def table(judges: Mapping[str, Judge], facts: Mapping[str, Sequence[str]]) -> str:
    """Markdown: a column for each student, the best figure of each row in bold; means, then IoU class by class.

    Args:
        judges: What was found of each student, by its name, on the same photos.
        facts: Further rows by their title, a text for each student.
    """
    measures = {name: {key: found.value for key, found in judge.measures().items()} for name, judge in judges.items()}
    rows = [(words, [measures[name][key] for name in judges]) for key, words in MEASURES.items()]
    first = next(iter(judges.values()))
    if len(first.classes) > 1:
        found = {name: judge.by_class() for name, judge in judges.items()}
        rows += [(f"IoU of {one}", [found[name][one]["iou"].value for name in judges]) for one in first.classes]
    lines = [
        f"| {len(first.rows)} photos | {' | '.join(judges)} |",
        f"|---|{'---:|' * len(judges)}",
        *(f"| {title} | {' | '.join(texts)} |" for title, texts in facts.items()),
        *(f"| {title} | {' | '.join(_marked(values))} |" for title, values in rows),
    ]
    return "\n".join(lines)


def _marked(values: Sequence[float]) -> Iterator[str]:
    texts = [f"{value:.4f}" if value == value else "" for value in values]
    best = max(texts)
    return (f"**{text}**" if text and text == best else text for text in texts)


def write(judges: Mapping[str, Judge], facts: Mapping[str, Sequence[str]], folder: Path) -> str:
    """The folder at once: beside.md, which is returned, and confusion.png of several classes.

    Raises:
        BadInput: It cannot be written.
    """
    text = table(judges, facts)
    with atomic_path(folder) as temporary:
        write_text(temporary / "beside.md", f"{text}\n")
        classes = next(iter(judges.values())).classes
        if len(classes) > 1:
            counts = {name: judge.confusion for name, judge in judges.items()}
            draw_confusions(counts, classes, temporary / "confusion.png")
    return text
