"""What a comparison of teachers came to: as a table, as CSV, as plots, and as a sheet of the worst photos."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.overlay import overlay
from training.data.photos import read_photo
from training.student.aside import write_text, written_aside
from training.teacher.comparison import Failure, Result
from training.tracking import track

_SIDE = 320
"""Pixels of a photo on the sheet."""


def table(results: Sequence[Result]) -> str:
    """One line a teacher, the best mean IoU first."""
    width = max(len(result.teacher) for result in results)
    lines = [f"{'teacher':{width}}     IoU    dice  boundary      ms  photos/s"]
    for result in sorted(results, key=lambda result: -result.means()["iou"]):
        iou, dice, boundary, latency, rate = result.means().values()
        lines.append(f"{result.teacher:{width}}  {iou:.4f}  {dice:.4f}    {boundary:.4f}  {latency:6.1f}  {rate:8.1f}")
    return "\n".join(lines)


def write(results: Sequence[Result], folder: Path, classes: int, *, tracker: str | None = None) -> None:
    """All of it into a folder: `teachers.csv`, `photos.csv`, `figures.png`, `worst.png`.

    Args:
        results: One a teacher.
        folder: Made if it is not there.
        classes: As many as there are names; 1 for binary masks.
        tracker: A key of `tracking.TRACKERS`, which records each teacher as a run in a folder of its own there.

    Raises:
        BadInput: The folder cannot be written to, or the tracker is not installed.
    """
    summary = [{"teacher": result.teacher, "photos": len(result.rows), **result.means()} for result in results]
    write_text(folder / "teachers.csv", _csv(summary))
    write_text(folder / "photos.csv", _csv([asdict(row) for result in results for row in result.rows]))
    draw_figures(results, folder / "figures.png")
    draw_worst(results, classes, folder / "worst.png")
    if tracker:
        for result in results:
            pictures = [folder / "figures.png", folder / "worst.png"]
            track(tracker, folder / tracker, result.teacher, result.means(), pictures)


def _csv(rows: Sequence[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def draw_figures(results: Sequence[Result], path: Path) -> None:
    """Each teacher's mean measures and times, its IoU against its speed, and how its photos spread over IoU; as PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure(figsize=(12, 3.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    edges = np.linspace(0, 1, 21)
    width = 0.8 / len(results)
    for index, result in enumerate(results):
        iou, dice, boundary, latency, rate = result.means().values()
        colour, label = f"C{index}", f"{result.teacher}: {latency:.4g} ms, {rate:.3g} photos/s"
        at = np.arange(3) + (index - (len(results) - 1) / 2) * width
        left.bar(at, (iou, dice, boundary), width * 0.92, color=colour, label=label)
        middle.plot(rate, iou, "o", color=colour)
        right.hist([row.iou for row in result.rows], edges.tolist(), histtype="step", linewidth=1.6, color=colour)
    left.set_title("mean over photos", loc="left", fontsize=10)
    left.set_xticks(np.arange(3), ["IoU", "dice", "boundary IoU"])
    left.set_ylim(0, 1)
    figure.legend(loc="outside upper left", ncols=len(results), fontsize=9, frameon=False)
    middle.set_title("IoU against photos a second", loc="left", fontsize=10)
    middle.set_xscale("log")
    middle.margins(x=0.25)
    middle.set_ylim(0, 1.05)
    middle.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    middle.xaxis.set_major_formatter("{x:g}")
    middle.xaxis.set_minor_formatter(NullFormatter())
    right.yaxis.get_major_locator().set_params(integer=True)
    right.set_title("photos by IoU", loc="left", fontsize=10)
    for axes in (left, middle, right):
        axes.grid(alpha=0.3)
    with written_aside(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def draw_worst(results: Sequence[Result], classes: int, path: Path) -> None:
    """A row a teacher: the photos it did worst on, its mask tinted and the reference outlined; as PNG."""
    from matplotlib.figure import Figure

    most = max(len(result.worst) for result in results)
    figure = Figure(figsize=(2.2 * most, 2.5 * len(results)), layout="constrained")
    grid = figure.subplots(len(results), most, squeeze=False)
    for result, row in zip(results, grid, strict=True):
        for axes in row:
            axes.axis("off")
        for axes, failure in zip(row, result.worst, strict=False):
            axes.imshow(_pictured(failure, classes))
            axes.set_title(f"{failure.iou:.3f}  {failure.pair.name[:18]}", fontsize=8)
        row[0].text(-0.06, 0.5, result.teacher, rotation=90, ha="right", va="center", transform=row[0].transAxes)
    with written_aside(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def _pictured(failure: Failure, classes: int) -> NDArray[np.uint8]:
    photo = read_photo(failure.pair.photo)
    reference = failure.pair.read_mask(photo.shape, classes)
    return overlay(photo, failure.mask, classes, side=_SIDE, other=reference)
