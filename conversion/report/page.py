"""The report as one page: what a person reads, pictures included."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from conversion.artefact.kinds import WORTHWHILE_SPEEDUP
from conversion.gate.error_localisation import OperatorDrift
from conversion.report.facts import Facts, HopFacts
from training.data import html_page
from training.run import Run
from training.student.bounded_read import read_json_as
from training.student.errors import BadInput

_HERE = Path(__file__).parent


def write(facts: Facts, run: Run) -> None:
    """Into the run's folder.

    Raises:
        BadInput: Pictures that `verify` draws are gone.
    """
    html_page.write_page(
        run.report,
        "report.html.j2",
        folder=_HERE,
        title=facts.run,
        facts=facts,
        data=asdict(facts.data),
        worth_it=WORTHWHILE_SPEEDUP,
        worst=_worst(run),
        errors=_errors(run, facts.hops),
        curve=_curve,
        curves=html_page.data_url_of_file(run.curves) if run.curves.is_file() else "",
    )


def _errors(run: Run, hops: Sequence[HopFacts]) -> dict[str, dict[str, str]]:
    """By hop, the pictures that `verify` drew of the error behind a faulty operator."""
    found = {}
    for row in hops:
        stem = run.parity / "errors" / row.hop.split(" → ")[-1]
        if row.trail and row.trail.fault:
            found[row.hop] = {
                part: html_page.data_url_of_file(Path(f"{stem}-{part}.jpg")) for part in ("photo", "error")
            }
    return found


_TOP = 160
"""dB; the top of the curve, larger values are drawn there."""


def _curve(points: Sequence[OperatorDrift]) -> str:
    """The drift along the graph as points of an SVG polyline, one unit per operator and per dB; NaN lies at 0 dB."""
    heights = (np.clip(np.nan_to_num(point.psnr, nan=0, posinf=_TOP, neginf=0), 0, _TOP) for point in points)
    return " ".join(f"{x},{_TOP - height:.0f}" for x, height in enumerate(heights))


@dataclass(frozen=True, slots=True)
class _Worst:
    """An entry of the pictures' index."""

    name: str
    iou: float
    flipped: int


def _worst(run: Run) -> list[dict[str, Any]]:
    """The pictures that `verify` drew, worst photo first."""
    folder = run.parity / "pictures"
    index = folder / "index.json"
    if not index.is_file():
        raise BadInput(f"no pictures at {folder}; draw them with `make parity`")
    entries = read_json_as(list[_Worst], index, "run `make parity` again", finite=False)
    return [
        asdict(entry)
        | {part: html_page.data_url_of_file(folder / f"{rank}-{part}.jpg") for part in ("teacher", "student", "flips")}
        for rank, entry in enumerate(entries)
    ]
