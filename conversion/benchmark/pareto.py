"""The Pareto front of student designs: latency and IoU of each in fp32 and int8, all trained in the same way."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from conversion.artefact.kinds import KINDS, Precision
from conversion.export.export import export
from conversion.gate.backends import BACKENDS
from conversion.gate.predictions import evaluate_masks, prepare_photos
from conversion.latency import median_milliseconds
from conversion.quantisation.calibration import from_run
from training import designs
from training.designs import Measured
from training.run import Run
from training.student.atomic_write import write_figure, write_text
from training.student.checkpoint import load_checkpoint

PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
PICTURE = Path("docs/designs.png")

_RUNS = 40
"""Timed inferences of each file."""

_TICKS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 500)
"""Milliseconds."""


def measure_designs(folder: Path, peer: Path | None = None) -> list[Measured]:
    """Export every design's run, measure IoU on its held-out photos, and time all files in turns.

    Args:
        folder: Holds the runs, each under its design's name, as `python -m training designs` leaves them.
        peer: A TFLite file from elsewhere, to be timed along with them.

    Returns:
        The rows, which are also written to training/designs.json and drawn into docs/designs.png.

    Raises:
        BadInput: A run is missing.
    """
    files: list[Path] = []
    found: list[Measured] = []
    for name in (bar := tqdm(designs.options(), unit="design")):
        bar.set_description(name)
        run = Run(folder / name)
        contract = load_checkpoint(run.checkpoint).contract
        listed = export(run.checkpoint, run.export, ("tflite",), PRECISIONS, from_run(run, contract))
        photos = prepare_photos(run.held_out(), contract)
        for precision in PRECISIONS:
            backend = f"tflite-{precision}"
            predictions = evaluate_masks(BACKENDS[backend].open(run.checkpoint, run.export), photos, contract)
            iou = float(np.mean([one.teacher_iou for one in predictions]))
            files.append(run.export / KINDS[backend].file)
            found.append(Measured(name, precision, 0.0, round(iou, 4), round(listed.artefacts[backend].bytes / 1e6, 2)))
    times = median_milliseconds([*files, *([peer] if peer else [])], runs=_RUNS)
    rows = [replace(row, ms=round(ms, 2)) for row, ms in zip(found, times, strict=False)]
    record = {
        "data": Path(Run(folder / found[0].design).data()["folder"]).name,
        "peer": {"file": peer.name, "ms": round(times[-1], 2)} if peer else None,
        "rows": [asdict(row) for row in rows],
    }
    write_text(designs.MEASURED, json.dumps(record, indent=1) + "\n")
    draw_pareto(rows, PICTURE, (peer.stem, times[-1]) if peer else None)
    return rows


def as_markdown(rows: Sequence[Measured]) -> str:
    """A table, fastest first; designs on the Pareto front are in bold."""
    best = designs.pareto_front(rows)
    lines = ["| design | precision | ms | IoU | MB |", "|---|---|---:|---:|---:|"]
    for row in sorted(rows, key=lambda row: row.ms):
        name = f"**{row.design}**" if row in best else row.design
        lines.append(f"| {name} | {row.precision} | {row.ms:.1f} | {row.iou:.4f} | {row.megabytes:.2f} |")
    return "\n".join(lines)


def draw_pareto(rows: Sequence[Measured], path: Path, peer: tuple[str, float] | None = None) -> None:
    """Draw IoU against milliseconds, with the Pareto front as a line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    best = designs.pareto_front(rows)
    axes.step([row.ms for row in best], [row.iou for row in best], where="post", color="#bbbbbb", zorder=1)
    for precision, marker, colour in (("fp32", "o", "#3a6ea5"), ("int8", "s", "#c8553d")):
        own = [row for row in rows if row.precision == precision]
        axes.scatter([row.ms for row in own], [row.iou for row in own], marker=marker, color=colour, label=precision)
    for row in best:
        # There is room above and to the left of the front.
        words, at = f"{row.design} {row.precision}", (row.ms, row.iou)
        axes.annotate(words, at, textcoords="offset points", xytext=(-4, 4), ha="right", fontsize=8)
    if peer:
        name, ms = peer
        axes.axvline(ms, color="#888888", linestyle=":", linewidth=1)
        foot = (ms, axes.get_ylim()[0])
        axes.annotate(name, foot, rotation=90, fontsize=7, xytext=(3, 4), textcoords="offset points", va="bottom")
    axes.set_xscale("log")
    fastest, slowest = min(row.ms for row in rows), max(row.ms for row in rows)
    axes.set_xlim(fastest / 1.45, slowest * 1.15)
    ticks = [ms for ms in _TICKS if fastest / 1.45 <= ms <= slowest * 1.15]
    axes.set_xticks(ticks, [f"{ms:g}" for ms in ticks])
    axes.minorticks_off()
    axes.set_xlabel("ms, LiteRT, one thread")
    axes.set_ylabel("mean IoU, photos kept for the test")
    axes.grid(alpha=0.3, which="both")
    axes.legend(loc="lower right")
    write_figure(path, figure)
