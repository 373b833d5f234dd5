"""Figures of an evaluation: histogram of IoU, reliability diagram, confusion matrices."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.evaluation.calibration import Bin
from training.evaluation.segmentation_metrics import PhotoScores
from training.student.atomic_write import write_figure

_COLOUR, _QUIET = "#3a6ea5", "#999999"


def draw_figures(rows: Sequence[PhotoScores], bins: Sequence[Bin], path: Path) -> None:
    """Histogram of IoU, and the reliability diagram with the pixels of each bin below it; as PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    grid = figure.add_gridspec(4, 2)
    left, right, below = (figure.add_subplot(place) for place in (grid[:, 0], grid[:3, 1], grid[3, 1]))
    left.hist([row.iou for row in rows], np.linspace(0, 1, 41).tolist(), color=_COLOUR)
    left.axvline(float(np.mean([row.iou for row in rows])), color=_QUIET, linestyle="--", linewidth=1)
    left.set_title(f"{len(rows)} photos by IoU; dashed: their mean", loc="left", fontsize=10)
    left.set_xlabel("IoU")
    left.set_xlim(0, 1)
    left.yaxis.set_major_locator(MaxNLocator(integer=True))
    sure, right_so, pixels = (np.array(column) for column in zip(*bins, strict=True))
    right.plot([0, 1], [0, 1], color=_QUIET, linestyle="--", linewidth=1)
    right.plot(sure, right_so, marker="o", markersize=4, color=_COLOUR)
    right.set_title("share of pixels that are so, by how sure the student is", loc="left", fontsize=10)
    right.set_ylim(0, 1)
    below.bar(sure, pixels / pixels.sum(), 0.05, color=_COLOUR)
    below.set_yscale("log")
    below.set_ylabel("of all pixels", fontsize=7)
    below.tick_params(labelsize=8)
    below.set_xlabel("probability")
    for axes in (right, below):
        axes.set_xlim(-0.02, 1.02)
    right.tick_params(labelbottom=False)
    for axes in (left, right, below):
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
    write_figure(path, figure)


def draw_confusions(counts: Mapping[str, NDArray[np.int64]], classes: tuple[str, ...], path: Path) -> None:
    """Confusion matrices in percent of the reference's pixels, one for each student; as PNG.

    Args:
        counts: (classes, classes) pixels by the student's name: rows by the reference's class.
        classes: Their names.
        path: Where to write.
    """
    from matplotlib.figure import Figure

    side = 2.2 + 0.5 * len(classes)
    figure = Figure(figsize=((side + 0.6) * len(counts), side), layout="constrained")
    for axes, (name, pixels) in zip(figure.subplots(1, len(counts), squeeze=False)[0], counts.items(), strict=True):
        totals = pixels.sum(axis=1, keepdims=True)
        shares = np.divide(100 * pixels, totals, out=np.full(pixels.shape, np.nan), where=totals > 0)
        axes.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=100)
        for row, column in np.ndindex(*shares.shape):
            share = shares[row, column]
            if share >= 0.5:
                ink = "white" if share > 55 else "black"
                axes.text(column, row, f"{share:.0f}", ha="center", va="center", fontsize=8, color=ink)
        places = np.arange(len(classes))
        axes.set_xticks(places, list(classes), rotation=45, ha="right", rotation_mode="anchor", fontsize=9)
        axes.set_yticks(places, list(classes), fontsize=9)
        axes.set_xlabel(name)
        axes.set_ylabel("teacher")
        axes.set_title("% of the teacher's pixels, by what the student sees", loc="left", fontsize=10)
    write_figure(path, figure)
