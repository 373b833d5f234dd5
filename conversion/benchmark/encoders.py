"""The table of encoders: each one in every kind of artefact, exported, executed and compared with torch."""

import json
import math
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from tqdm import tqdm

from conversion.artefact.kinds import DEFAULTS, KINDS
from conversion.gate.backends import BACKENDS
from conversion.gate.drift import breaches, measure, read_budgets
from conversion.gate.predictions import Photo, Prediction, evaluate_masks
from conversion.quantisation.variants import Variants, variants
from conversion.source import to_onnx
from conversion.source.graph import read_graph
from conversion.tflite.partitions import partitions
from training.student.atomic_write import write_text
from training.student.contract import Contract
from training.student.encoders import ENCODERS
from training.student.errors import ConversionRefused
from training.student.network import Architecture, Student, infer_logits
from training.student.normalisation import NEUTRAL
from training.student.support import FILE, Outcome, Support, read_support

DOCUMENT = Path(__file__).parents[2] / "docs" / "encoders.md"

MEASURED = tuple(name for name, kind in KINDS.items() if kind.target != "onnx")
"""Every kind of artefact that phones run."""

FLOATS = tuple(name for name in MEASURED if KINDS[name].precision in DEFAULTS)
"""The kinds that `export` makes by default; an encoder must pass in all of them."""

_WIDTHS = (32, 24, 16, 16, 16)
_CONTRACT = Contract(96, 64, 4, ("thing",))


def randomised_student(contract: Contract, architecture: Architecture) -> Student:
    """An untrained student whose statistics and logits are large enough to make errors visible.

    A few steps move the running statistics only part of the way. Full statistics would amplify the tiny activations of
    an untrained network, and the table would measure that amplification: in float16, for 29 of 50 encoders.
    """
    torch.manual_seed(0)
    student = Student(contract, architecture).train()
    noise = torch.rand(4, 3, contract.height, contract.width) * 255
    with torch.no_grad():
        for _ in range(4):
            student(noise)
        logits = student.eval()(noise)
        student.head.weight.mul_(4 / logits.std())
    return student


def measure_encoder(student: Student, contract: Contract, kinds: Iterable[str]) -> dict[str, Outcome]:
    """Export a student to these kinds, run each on noise, and compare its logits with the student's.

    Flips are not counted: with noise and an untrained network, many pixels lie at the threshold.
    """
    rng = np.random.default_rng(1)
    size = (contract.height, contract.width)
    photos = [Photo("noise", Path(), rng.integers(0, 256, (*size, 3), np.uint8), np.zeros(size, np.uint8))]
    reference = evaluate_masks(lambda image: infer_logits(student, image), photos, contract)
    try:
        source = read_graph(to_onnx.simplify(to_onnx.export(student, contract)))
    except ConversionRefused as error:
        return {kind: Outcome("blocked", str(error)) for kind in kinds}
    inputs = [photo.input for photo in photos]
    made = {target: variants(target, source, contract, inputs) for target in ("tflite", "coreml")}
    with tempfile.TemporaryDirectory() as folder:
        return {
            kind: _outcome(made[KINDS[kind].target], kind, Path(folder), photos, reference, contract) for kind in kinds
        }


def _outcome(
    made: Variants,
    name: str,
    folder: Path,
    photos: Sequence[Photo],
    reference: Sequence[Prediction],
    contract: Contract,
) -> Outcome:
    kind = KINDS[name]
    assert kind.precision != "exported"
    path = folder / kind.file
    try:
        made.write(kind.precision, path)
        candidate = evaluate_masks(BACKENDS[name].open(folder, folder), photos, contract)
    except ConversionRefused as error:
        return Outcome("blocked", str(error))
    drift = measure(reference=reference, candidate=candidate, contract=contract)
    budgets, hops = read_budgets()
    whole = next(budgets[hop.budget] for hop in hops if hop.candidate == name)
    found = breaches(drift, {measure: whole[measure] for measure in ("relative_error", "psnr") if measure in whole})
    pieces = partitions(path.read_bytes()) if kind.target == "tflite" else None
    # An untrained student may fail in few bits where a trained one does not: `export --budget` finds out.
    is_broken = name in FLOATS or not math.isfinite(drift.psnr)
    failed: Literal["blocked", "available"] = "blocked" if is_broken else "available"
    return Outcome(
        status=failed if found else "validated",
        reason="; ".join(found),
        psnr=round(drift.psnr, 1) if math.isfinite(drift.psnr) else None,
        partitions=pieces.count if pieces else None,
        outside=tuple(sorted(set(pieces.outside))) if pieces else (),
    )


def measure_encoders(encoders: Iterable[str], kinds: Sequence[str] = MEASURED) -> Support:
    """The outcome of each of these encoders in each of these kinds, with a progress bar."""
    table = {}
    for encoder in (bar := tqdm(list(encoders), unit="encoder")):
        bar.set_description(encoder)
        student = randomised_student(_CONTRACT, Architecture(encoder, _WIDTHS, True, NEUTRAL, NEUTRAL))
        table[encoder] = measure_encoder(student, _CONTRACT, kinds)
    return table


def update_support(encoders: Iterable[str]) -> None:
    """Measure these encoders, all where none is named, and keep what is known of the others."""
    known = {**read_support(), **measure_encoders(encoders or ENCODERS)}
    write_support({name: known[name] for name in ENCODERS if name in known})


def write_support(table: Support) -> None:
    """Write the table as JSON for programs, and as docs/encoders.md for people."""
    cells = {
        encoder: {
            kind: {name: value for name, value in asdict(one).items() if value not in ("", None, ())}
            for kind, one in row.items()
        }
        for encoder, row in table.items()
    }
    write_text(FILE, json.dumps(cells, indent=1) + "\n")
    write_text(DOCUMENT, as_markdown(table))


def as_markdown(table: Support) -> str:
    """The page docs/encoders.md."""
    reasons: dict[str, int] = {}
    rows = []
    for encoder, row in table.items():
        shown = [_cell(row[kind], reasons) for kind in MEASURED]
        rows.append(f"| `{encoder}` | {ENCODERS[encoder].summary} | {' | '.join(shown)} |")
    validated = sum(all(row[kind].status == "validated" for kind in FLOATS) for row in table.values())
    integer = sum(row["tflite-int8"].partitions == 1 for row in table.values())
    whole = sum(row["tflite-fp32"].partitions == 1 for row in table.values())
    notes = [f"{number}. {reason}" for reason, number in reasons.items()]
    return "\n".join(
        [
            "# Encoders",
            "",
            "Written by `make bench-encoders`: each encoder with a separable decoder, stride 4, untrained with lively",
            "statistics, exported, executed from the saved file and compared on noise. A cell gives the PSNR against",
            "torch, in dB, and the number of XNNPACK partitions where it is not one (the uint8 input of an integer",
            "file is converted outside). It judges the conversion; `make parity` judges a trained student, and",
            "`python -m conversion export RUN --budget iou=0.01` finds the fewest bits that it bears: `available` says",
            "that the untrained one bore no such few. XNNPACK delegates no convolution in int16.",
            "",
            f"{validated} of {len(table)} validated in {', '.join(FLOATS)}.",
            f"{whole} run in one XNNPACK partition, {integer} in int8.",
            "",
            f"| encoder | what it is | {' | '.join(MEASURED)} |",
            f"|---|---|{'---|' * len(MEASURED)}",
            *rows,
            *(["", "Notes", "", *notes] if notes else []),
            "",
        ]
    )


def _cell(outcome: Outcome, reasons: dict[str, int]) -> str:
    if outcome.status == "blocked":
        return f"blocked ({reasons.setdefault(outcome.reason, len(reasons) + 1)})"
    shown = "available" if outcome.status == "available" else f"{outcome.psnr:.0f}"
    if outcome.partitions in (None, 1):
        return shown
    if "CONV_2D" in outcome.outside:
        return f"{shown}, not delegated"
    note = f"XNNPACK leaves out {', '.join(outcome.outside)}" if outcome.outside else "cut without an operator left out"
    return f"{shown}, {outcome.partitions} pieces ({reasons.setdefault(note, len(reasons) + 1)})"
