"""A page that profiles a folder of pairs: photo sizes, mask areas, scores, and class frequencies."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.data import histogram, html_page
from training.data.histogram import Histogram
from training.data.mask_features import MaskFeatures, measure_features
from training.data.mask_statistics import near_duplicates
from training.data.pairs import Pairs
from training.data.suspicion import percent
from training.student.effects import colour_of


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class in the table."""

    name: str
    colour: str
    photos: int
    """Number of photos that show it."""
    median: str
    """Median of its area on those photos."""
    share: str
    """Share of the pixels that are not ignored, mean over photos."""
    percent: float
    """`share` as a number, 0 to 100."""


def write_profile_page(path: Path, pairs: Pairs) -> dict[str, Any]:
    """Write the page of a folder; dropped pairs are left out.

    Returns:
        What the page shows: `counts` by name, `classes` by name with their `photos` and `share` of the pixels, the
        `faults`, and a sentence about each of the `histograms` by its title.

    Raises:
        BadInput: The page cannot be written.
    """
    features = measure_features(pairs)
    counts = count_pairs(pairs, features)
    readable = [each for each in features if not each.fault]
    faults = [each.fault for each in features if each.fault]
    classes, drawn = class_rows(pairs.classes, readable), charts(pairs.classes, readable)
    html_page.write_page(
        path,
        "profile.html.j2",
        title=f"{pairs.folder.resolve().name}: profile",
        counts=counts,
        dropped=len(pairs.dropped),
        faults=faults,
        classes=classes,
        charts=drawn,
    )
    return {
        "counts": counts,
        "classes": {row.name: {"photos": row.photos, "share": row.percent / 100} for row in classes},
        "faults": faults,
        "histograms": {chart.title: chart.summary for chart in drawn},
    }


def count_pairs(pairs: Pairs, features: Sequence[MaskFeatures]) -> dict[str, int]:
    """Count photos, empty masks, near-duplicates and others; reads every photo once more, for its hash."""
    return {
        "photos": len(features),
        "empty": sum(each.is_empty for each in features),
        "near-duplicate": len(near_duplicates(pairs, features)),
        "unreadable": sum(bool(each.fault) for each in features),
        "scored": sum(each.score is not None for each in features),
        "dropped": len(pairs.dropped),
    }


def class_rows(classes: tuple[str, ...], features: Sequence[MaskFeatures]) -> list[ClassRow]:
    """One row per class: how often it is shown, and how large."""
    rows = []
    for index, name in enumerate(classes):
        areas = [each.areas[index] for each in features]
        shown = [area for area in areas if area]
        share = float(np.mean(areas)) if areas else 0.0
        colour = f"rgb{colour_of(index + (len(classes) == 1), len(classes))}"
        median = percent(float(np.median(shown))) if shown else ""
        rows.append(ClassRow(name, colour, len(shown), median, percent(share), 100 * share))
    return rows


def charts(classes: tuple[str, ...], features: Sequence[MaskFeatures]) -> list[Histogram]:
    """One histogram for each feature that some pair has."""
    drawn = [
        histogram.make_histogram("Longer side of the photos", [max(t.rows, t.columns) for t in features], _pixels),
        histogram.make_histogram(
            "Aspect ratio of the photos (width / height)", [t.columns / t.rows for t in features], "{:.2f}".format
        ),
        *(
            histogram.make_histogram(
                f"Area of {name} on photos that show it", [t.areas[i] for t in features if t.areas[i]], percent, (0, 1)
            )
            for i, name in enumerate(classes)
        ),
        histogram.make_histogram("Score", [t.score for t in features if t.score is not None], "{:.2f}".format, (0, 1)),
        histogram.make_histogram(
            "Small fragments and holes", [t.specks for t in features if not t.is_empty], "{:.0f}".format
        ),
        histogram.make_histogram(
            "Contrast on the mask's border / beside it",
            [float(np.exp(t.sharpness)) for t in features if t.sharpness is not None],
            "{:.1f}".format,
        ),
    ]
    return [each for each in drawn if each]


def _pixels(length: float) -> str:
    return f"{length:.0f} px"
