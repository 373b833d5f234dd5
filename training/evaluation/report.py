"""The report of an evaluation: lines for a terminal, and a folder with JSON, CSV, pictures and a page."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.data import failure_sheet, html_page
from training.data.pairs import Pairs
from training.evaluation.bootstrap import Interval
from training.evaluation.calibration import Bin
from training.evaluation.evaluate import EvaluationResult, MaskComparison, evaluate, pairs_with_human_masks
from training.evaluation.figures import draw_confusions, draw_figures
from training.evaluation.robustness import ConditionCost, resizer_verdict
from training.evaluation.segmentation_metrics import MEASURES, PhotoScores, SegmentationMetrics
from training.student.atomic_write import atomic_path, write_csv, write_json
from training.student.checkpoint import Checkpoint

_CALIBRATION = "calibration_error"
_WORDS = {**MEASURES, _CALIBRATION: "calibration error, over pixels"}
_ON_A_ROW = 4
"""Photos beside each other on the sheet of the worst."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A student, or a teacher, compared with one kind of masks."""

    title: str
    rows: tuple[PhotoScores, ...]
    measures: dict[str, Interval]
    classes: dict[str, dict[str, Interval]]
    """Of several classes."""
    confusion: list[list[int]]
    bins: tuple[Bin, ...]
    """Empty where no probabilities are known."""


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of an evaluation, computed once."""

    title: str
    findings: EvaluationResult
    against: dict[str, Summary]
    costs: tuple[ConditionCost, ...]
    """Empty where robustness was not asked for."""

    @property
    def mean(self) -> Interval:
        """The one figure by which students are compared."""
        by_teacher = self.against["teacher"].measures
        return by_teacher["iou" if len(self.findings.classes) == 1 else "dataset_iou"]

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        for each in self.against.values():
            yield f"{each.title}, {len(each.rows)} photos; 95 % intervals over photos"
            for name, found in each.measures.items():
                yield f"  {_WORDS[name]:32}  {found}"
            for name, ratios in each.classes.items():
                yield f"  {name:20}  IoU {ratios['iou']}"
        if self.costs:
            yield "IoU where photos come otherwise, and what it costs"
            for cost in self.costs:
                yield f"  {cost.condition:44}  {cost.iou.value:.4f}  {cost.drop.value:+.4f}"
            yield resizer_verdict(self.costs)


def report_student(
    student: Checkpoint, pairs: Pairs, title: str, *, human: Path | None, robustness: bool, worst: int
) -> Report:
    """Evaluate a student, and compute all figures.

    Args:
        student: Of the same classes as the pairs.
        pairs: Photos with their teacher's masks.
        title: As in `summarise`.
        human: Masks that people drew of some of the photos, as in `pairs_with_human_masks`; None: there are none.
        robustness: As in `evaluate`.
        worst: As in `evaluate`.

    Raises:
        BadInput: As `evaluate` and `pairs_with_human_masks`.
    """
    people = pairs_with_human_masks(human, pairs.pairs, pairs.classes) if human else {}
    return summarise(title, evaluate(student, pairs.pairs, people, robustness=robustness, worst=worst))


def summarise(title: str, findings: EvaluationResult) -> Report:
    """Compute all figures, with their intervals.

    Args:
        title: Of the page: which student on which photos.
        findings: What was collected.
    """
    against = {"teacher": _summarise_comparison("Against the teacher's masks", findings.teacher)}
    if findings.people and findings.teacher_by_people:
        against["people"] = _summarise_comparison("Against people's masks", findings.people)
        against["teacher_by_people"] = _summarise_metrics(
            "The teacher's masks against people's", findings.teacher_by_people
        )
    costs = tuple(findings.robustness.costs()) if findings.robustness else ()
    return Report(title, findings, against, costs)


def _summarise_comparison(title: str, side: MaskComparison) -> Summary:
    error = {_CALIBRATION: side.calibration.error()}
    return _summarise_metrics(title, side.metrics, error, tuple(side.calibration.bins()))


def _summarise_metrics(
    title: str, metrics: SegmentationMetrics, further: dict[str, Interval] | None = None, bins: tuple[Bin, ...] = ()
) -> Summary:
    by_class = metrics.by_class() if len(metrics.classes) > 1 else {}
    measures = {**metrics.measures(), **(further or {})}
    return Summary(title, tuple(metrics.rows), measures, by_class, metrics.confusion.tolist(), bins)


def write_evaluation(report: Report, folder: Path) -> None:
    """The whole folder at once: evaluation.json, photos.csv, figures.png, worst.png, confusion.png and evaluation.html.

    Raises:
        BadInput: It cannot be written.
    """
    findings, by_teacher = report.findings, report.against["teacher"]
    with atomic_path(folder) as temporary:
        write_json(temporary / "evaluation.json", as_record(report))
        write_csv(temporary / "photos.csv", [_row(report, index) for index in range(len(by_teacher.rows))])
        draw_figures(by_teacher.rows, by_teacher.bins, temporary / "figures.png")
        pictures = {"How photos are spread, and how sure the student is": "figures.png"}
        if len(findings.classes) > 1:
            draw_confusions(
                {"student": findings.teacher.metrics.confusion}, findings.classes, temporary / "confusion.png"
            )
            pictures["What is taken for what"] = "confusion.png"
        if findings.worst:
            groups = [findings.worst[i : i + _ON_A_ROW] for i in range(0, len(findings.worst), _ON_A_ROW)]
            failure_sheet.draw_failure_sheet(
                [("", group) for group in groups], findings.classes, temporary / "worst.png"
            )
            teacher = "below it" if len(findings.classes) > 1 else "outlined in red"
            pictures[f"The worst photos: the student's mask tinted, the teacher's {teacher}"] = "worst.png"
        html_page.write_page(
            temporary / "evaluation.html",
            "evaluation.html.j2",
            title=report.title,
            words=_WORDS,
            against=report.against,
            costs=report.costs,
            verdict=resizer_verdict(report.costs) if report.costs else "",
            pictures=[(words, html_page.data_url_of_file(temporary / name)) for words, name in pictures.items()],
        )


def as_record(report: Report) -> dict[str, Any]:
    """All but the photos, ready for JSON."""
    return {
        "title": report.title,
        "classes": report.findings.classes,
        "against": {
            key: {
                "photos": len(each.rows),
                "measures": {name: found._asdict() for name, found in each.measures.items()},
                "by_class": {
                    name: {key: found._asdict() for key, found in ratios.items()}
                    for name, ratios in each.classes.items()
                },
                "confusion": each.confusion,
                "reliability": [found._asdict() for found in each.bins],
            }
            for key, each in report.against.items()
        },
        "robustness": [
            {
                "condition": cost.condition,
                "iou": cost.iou._asdict(),
                "drop": cost.drop._asdict(),
                **({"faultless": cost.faultless} if cost.is_phone else {}),
            }
            for cost in report.costs
        ],
        "worst": {failure.pair.name: failure.iou for failure in report.findings.worst},
    }


def _row(report: Report, index: int) -> dict[str, object]:
    """One photo, judged by the teacher's mask and, where there is one, by a person's."""
    found: dict[str, object] = asdict(report.against["teacher"].rows[index])
    for key, words in (("people", "by people"), ("teacher_by_people", "teacher by people")):
        if key in report.against:
            by_name = {row.photo: row.iou for row in report.against[key].rows}
            found[f"iou {words}"] = by_name.get(str(found["photo"]), "")
    return {name: "" if value != value else value for name, value in found.items()}
