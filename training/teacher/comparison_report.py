"""The report of a teacher benchmark: a table, CSV files, plots, and a sheet of the worst photos."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from training.data import failure_sheet
from training.student.atomic_write import write_csv, write_figure
from training.teacher.comparison import TeacherResult
from training.tracking import track_once


def format_table(results: Sequence[TeacherResult]) -> str:
    """One line per teacher, best mean IoU first."""
    width = max(len(result.teacher) for result in results)
    lines = [f"{'teacher':{width}}     IoU    dice  boundary      ms  photos/s"]
    for result in sorted(results, key=lambda result: -result.means()["iou"]):
        iou, dice, boundary, latency, rate = result.means().values()
        lines.append(f"{result.teacher:{width}}  {iou:.4f}  {dice:.4f}    {boundary:.4f}  {latency:6.1f}  {rate:8.1f}")
    return "\n".join(lines)


def write_report(
    results: Sequence[TeacherResult], folder: Path, classes: tuple[str, ...], *, tracker: str | None = None
) -> None:
    """Write `teachers.csv`, `photos.csv`, `figures.png` and `worst.png` into a folder.

    Args:
        results: One per teacher.
        folder: Created if it does not exist.
        classes: Class names of the pairs; one name for binary masks.
        tracker: A key of `tracking.TRACKERS`. It records each teacher as a run, in a subfolder.

    Raises:
        BadInput: The folder cannot be written to, or the tracker is not installed.
    """
    summary = [{"teacher": result.teacher, "photos": len(result.rows), **result.means()} for result in results]
    write_csv(folder / "teachers.csv", summary)
    write_csv(folder / "photos.csv", [asdict(row) for result in results for row in result.rows])
    draw_figures(results, folder / "figures.png")
    failure_sheet.draw_failure_sheet(
        [(result.teacher, result.worst) for result in results], classes, folder / "worst.png"
    )
    if tracker:
        for result in results:
            pictures = [folder / "figures.png", folder / "worst.png"]
            track_once(tracker, folder / tracker, result.teacher, result.means(), pictures)


def draw_figures(results: Sequence[TeacherResult], path: Path) -> None:
    """Draw mean scores, IoU against speed, and a histogram of IoU over photos, as PNG."""
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
    write_figure(path, figure)
