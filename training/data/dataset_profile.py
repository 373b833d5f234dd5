"""What a folder of pairs is made of, on one page: sizes, areas, scores, and how often each class is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.data import histogram, html_page
from training.data.histogram import Histogram
from training.data.mask_features import MaskFeatures, measure
from training.data.mask_statistics import originals
from training.data.pairs import Pairs
from training.data.suspicion import percent
from training.student.effects import colour_of


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class in the table."""

    name: str
    colour: str
    photos: int
    """That show it."""
    median: str
    """Of its area on those."""
    share: str
    """Of the pixels that were judged, all photos weighing alike."""
    percent: float
    """The same as a number."""


def write(path: Path, pairs: Pairs) -> dict[str, int]:
    """Write the page of a folder, read without what it drops.

    Returns:
        Its counts, by what is counted.

    Raises:
        BadInput: The page cannot be written.
    """
    traits = measure(pairs)
    counts = count(pairs, traits)
    readable = [each for each in traits if not each.fault]
    html_page.write(
        path,
        "profile.html.j2",
        title=f"{pairs.folder.resolve().name}: profile",
        counts=counts,
        dropped=len(pairs.dropped),
        faults=[each.fault for each in traits if each.fault],
        classes=class_rows(pairs.classes, readable),
        charts=charts(pairs.classes, readable),
    )
    return counts


def count(pairs: Pairs, traits: Sequence[MaskFeatures]) -> dict[str, int]:
    """How many there are of what; reads every photo once more, for its hash."""
    return {
        "photos": len(traits),
        "empty": sum(each.is_empty for each in traits),
        "near-duplicate": len(originals(pairs, traits)),
        "unreadable": sum(bool(each.fault) for each in traits),
        "scored": sum(each.score is not None for each in traits),
        "dropped": len(pairs.dropped),
    }


def class_rows(classes: tuple[str, ...], traits: Sequence[MaskFeatures]) -> list[ClassRow]:
    """How often, and how large, each class is shown."""
    rows = []
    for index, name in enumerate(classes):
        areas = [each.areas[index] for each in traits]
        shown = [area for area in areas if area]
        share = float(np.mean(areas)) if areas else 0.0
        colour = f"rgb{colour_of(index + (len(classes) == 1), len(classes))}"
        median = percent(float(np.median(shown))) if shown else ""
        rows.append(ClassRow(name, colour, len(shown), median, percent(share), 100 * share))
    return rows


def charts(classes: tuple[str, ...], traits: Sequence[MaskFeatures]) -> list[Histogram]:
    """Of those traits that any pair has."""
    drawn = [
        histogram.of("Longer side of the photos", [max(t.rows, t.columns) for t in traits], _pixels),
        histogram.of("Aspect of the photos, width to height", [t.columns / t.rows for t in traits], "{:.2f}".format),
        *(
            histogram.of(
                f"Area of {name}, of photos that show it", [t.areas[i] for t in traits if t.areas[i]], percent, (0, 1)
            )
            for i, name in enumerate(classes)
        ),
        histogram.of("Score", [t.score for t in traits if t.score is not None], "{:.2f}".format, (0, 1)),
        histogram.of("Small fragments and holes", [t.specks for t in traits if not t.is_empty], "{:.0f}".format),
        histogram.of(
            "Contrast on the border, to that beside it",
            [float(np.exp(t.sharpness)) for t in traits if t.sharpness is not None],
            "{:.1f}".format,
        ),
    ]
    return [each for each in drawn if each]


def _pixels(length: float) -> str:
    return f"{length:.0f} px"
