"""Designs of students, their measured latency and accuracy, and the choice among them by latency."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from training.student.errors import BadInput

DESIGNS = Path(__file__).with_suffix(".yaml")
MEASURED = Path(__file__).with_suffix(".json")


@dataclass(frozen=True, slots=True)
class Measured:
    """One artefact of one design."""

    design: str
    precision: str
    """fp32 or int8."""
    ms: float
    """Of one inference by LiteRT on one thread of the machine that measured."""
    iou: float
    """Mean over the photos that were kept for the test."""
    megabytes: float

    def __str__(self) -> str:
        """One line."""
        return (
            f"design {self.design}, in {self.precision}: {self.ms:.1f} ms on the machine that measured it, "
            f"mean IoU {self.iou:.3f} there"
        )


def options() -> Mapping[str, dict[str, Any]]:
    """The options that each design sets, by the design's name."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(DESIGNS.read_text(encoding="utf-8"))
    return found


def measured() -> list[Measured]:
    """All that `make designs` measured, fastest first."""
    rows = json.loads(MEASURED.read_text(encoding="utf-8"))["rows"]
    return sorted((Measured(**row) for row in rows), key=lambda row: row.ms)


def pareto_front(rows: Sequence[Measured]) -> list[Measured]:
    """The Pareto front: those that no other row equals in both time and IoU; fastest first."""
    best = float("-inf")
    kept = []
    for row in sorted(rows, key=lambda row: (row.ms, -row.iou)):
        if row.iou > best:
            kept.append(row)
            best = row.iou
    return kept


def choose(latency_ms: float, rows: Sequence[Measured] | None = None) -> Measured:
    """The most accurate design that takes at most `latency_ms`.

    Raises:
        BadInput: None is that fast.
    """
    rows = measured() if rows is None else rows
    fast_enough = [row for row in rows if row.ms <= latency_ms]
    if not fast_enough:
        fastest = min(rows, key=lambda row: row.ms)
        raise BadInput(
            f"latency_ms={latency_ms:g}: no measured design is that fast; the fastest is {fastest.design} in "
            f"{fastest.precision} with {fastest.ms:.1f} ms"
        )
    return max(fast_enough, key=lambda row: row.iou)
