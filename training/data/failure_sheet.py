"""A contact sheet of the photos with the worst masks, as one picture."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.data.pairs import Pair
from training.data.photos import read_photo
from training.data.preview import draw_preview
from training.student.arrays import Pixels
from training.student.atomic_write import write_figure
from training.student.effects import colour_of

_SIDE = 320
"""Longer side of a photo on the sheet, in pixels."""
_WIDTH, _TALLEST = 2.2, 3.6
"""Size of a picture on the sheet, in inches."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A photo with a bad mask."""

    iou: float
    pair: Pair
    mask: Pixels
    """The mask of a teacher or student."""


def worst_failures(failures: Iterable[Failure], count: int) -> list[Failure]:
    """The failures with the lowest IoU, lowest first."""
    return sorted(failures, key=lambda failure: failure.iou)[:count]


def draw_failure_sheet(rows: Sequence[tuple[str, Sequence[Failure]]], classes: tuple[str, ...], path: Path) -> None:
    """Draw rows of photos with their masks, each row with a label; as PNG.

    Binary masks are tinted, with the reference mask outlined. With several classes, the reference mask is shown below.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    most = max(len(failures) for _, failures in rows)
    pictures = [[_draw_failure(failure, len(classes)) for failure in failures] for _, failures in rows]
    aspects = [max(picture.shape[0] / picture.shape[1] for picture in row) for row in pictures]
    heights = [min(_WIDTH * aspect, _TALLEST) + 0.3 for aspect in aspects]
    several = len(classes) > 1
    figure = Figure(figsize=(_WIDTH * most + 0.2, sum(heights) + 0.6 * several), layout="constrained")
    grid = figure.subplots(len(rows), most, squeeze=False, height_ratios=heights)
    for (word, failures), drawn, row in zip(rows, pictures, grid, strict=True):
        for axes in row:
            axes.axis("off")
        for axes, failure, picture in zip(row, failures, drawn, strict=False):
            axes.imshow(picture)
            axes.set_title(f"{failure.iou:.3f}  {failure.pair.name[:18]}", fontsize=8)
        row[0].text(-0.06, 0.5, word, rotation=90, ha="right", va="center", transform=row[0].transAxes)
    if several:
        colours = ["#{:02x}{:02x}{:02x}".format(*colour_of(index, len(classes))) for index in range(len(classes))]
        patches = [Patch(color=colour, label=name) for name, colour in zip(classes, colours, strict=True)]
        figure.legend(
            handles=patches, loc="outside lower center", ncols=min(6, len(classes)), fontsize=8, frameon=False
        )
    write_figure(path, figure)


def _draw_failure(failure: Failure, classes: int) -> Pixels:
    photo = read_photo(failure.pair.photo)
    own = failure.pair.read_mask(photo.shape, classes)
    if classes == 1:
        return draw_preview(photo, failure.mask, classes, side=_SIDE, other=own)
    # Outlines of many classes would hide the photo.
    above, below = (draw_preview(photo, mask, classes, side=_SIDE) for mask in (failure.mask, own))
    return np.vstack([above, np.full((4, above.shape[1], 3), 255, np.uint8), below])
