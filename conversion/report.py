"""The report of a run: one page that opens from disk, and the same as JSON. It runs no model."""

import base64
import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from conversion import manifest
from conversion.artefact import WORTH_IT
from conversion.gate import parity
from conversion.gate.drift import read_budgets
from conversion.gate.parity import Parity
from conversion.quantisation import shrink
from training.run import Run
from training.student import checkpoint as checkpoints
from training.student.aside import write_text
from training.student.errors import BadInput

_TEMPLATE = Path(__file__).parent / "report.html.j2"


def write(run: Run) -> None:
    """Gather what the run's folder holds into report.html and report.json.

    Raises:
        BadInput: The run has not been trained, exported and verified yet.
    """
    import jinja2

    facts = gather(run)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATE.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(_TEMPLATE.name).render(
        **facts,
        worst=_worst(run),
        errors=_errors(run, facts["hops"]),
        curve=_curve,
        curves=_embedded(run.curves) if run.curves.is_file() else "",
    )
    write_text(run.report, page)
    write_text(run.report.with_suffix(".json"), json.dumps(facts, indent=1) + "\n")


def gather(run: Run) -> dict[str, Any]:
    """All figures of the report, ready for JSON."""
    listed = manifest.read(run.export)
    verdict = parity.read(run.parity / "parity.json")
    record = checkpoints.load(run.checkpoint)
    budgets, _ = read_budgets()
    return {
        "schema": 1,
        "run": run.folder.name,
        "is_green": verdict.is_green,
        "blind": verdict.blind,
        "photos": verdict.photos,
        "artefacts": [
            {"name": name, **asdict(artefact), "teacher_iou": verdict.teacher_iou.get(name)}
            for name, artefact in listed.artefacts.items()
        ],
        "worth_it": WORTH_IT,
        "walk": shrink.read(run.export),
        "torch_iou": verdict.teacher_iou["torch"],
        "hops": [_hop(result, verdict, budgets[result.hop.budget]) for result in verdict.hops],
        "controls": verdict.controls,
        "unproven": verdict.unproven,
        "training": record.facts | {"epochs": _rows(run.metrics)},
        "architecture": asdict(record.architecture),
        "data": run.data(),
        "contract": json.loads(listed.contract.to_json()),
        "versions": listed.versions,
    }


def _hop(result: parity.HopResult, verdict: Parity, budget: dict[str, float] | Any) -> dict[str, Any]:
    """One row: its figures, and how much of its tightest budget it uses."""
    drift = asdict(result.drift)
    shares = {
        # For decibels, 20 dB more are a tenth of the error.
        name: 10 ** ((allowed - drift[name]) / 20) if name == "psnr" else max(0.0, drift[name]) / (allowed or 1)
        for name, allowed in budget.items()
    }
    measure, share = max(shares.items(), key=lambda entry: entry[1])
    return {
        "hop": str(result.hop),
        "budget": result.hop.budget,
        "drift": drift,
        "breaches": result.breaches,
        "teacher_iou": verdict.teacher_iou[result.hop.candidate],
        "used": share,
        "used_by": measure,
        "trail": asdict(trail) if (trail := verdict.trails.get(str(result.hop))) else None,
    }


def _errors(run: Run, hops: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """By hop, the pictures that `verify` drew of the error behind a faulty operator."""
    found = {}
    for row in hops:
        stem = run.parity / "errors" / str(row["hop"]).split(" → ")[-1]
        if row["trail"] and row["trail"]["fault"]:
            found[row["hop"]] = {part: _embedded(Path(f"{stem}-{part}.jpg")) for part in ("photo", "error")}
    return found


_TOP = 160
"""dB; a curve shows nothing above."""


def _curve(points: Sequence[Mapping[str, Any]]) -> str:
    """A trail as an SVG polyline's points, one unit per operator and per dB; what is no number lies at the foot."""
    heights = (np.clip(np.nan_to_num(point["psnr"], nan=0, posinf=_TOP, neginf=0), 0, _TOP) for point in points)
    return " ".join(f"{x},{_TOP - height:.0f}" for x, height in enumerate(heights))


def _rows(path: Path) -> list[dict[str, float]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def _worst(run: Run) -> list[dict[str, str]]:
    """The pictures that `verify` drew, worst photo first."""
    folder = run.parity / "pictures"
    index = folder / "index.json"
    if not index.is_file():
        raise BadInput(f"no pictures at {folder}; draw them with `make parity`")
    return [
        entry | {part: _embedded(folder / f"{rank}-{part}.jpg") for part in ("teacher", "student", "flips")}
        for rank, entry in enumerate(json.loads(index.read_text(encoding="utf-8")))
    ]


def _embedded(path: Path) -> str:
    kind = "png" if path.suffix == ".png" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
