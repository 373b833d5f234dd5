"""The support table: how each encoder converts, as `python -m conversion bench-encoders` measured it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from training.student.errors import ConversionRefused

FILE = Path(__file__).with_name("support.json")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One encoder in one kind of artefact."""

    status: Literal["validated", "available", "blocked"]
    """`validated`: exported, executed and within budget. `available`: executed, but untrained beyond the budget.

    `blocked`: cannot be exported or executed.
    """
    reason: str = ""
    """Why it is not validated."""
    psnr: float | None = None
    """dB, against the torch student, untrained, on noise."""
    partitions: int | None = None
    """TFLite: number of XNNPACK partitions."""
    outside: tuple[str, ...] = ()
    """TFLite: the operators that XNNPACK does not take."""

    def __str__(self) -> str:
        """A few words."""
        if self.status != "validated":
            return f"{self.status}: {self.reason}" if self.reason else self.status
        pieces = "" if self.partitions in (None, 1) else f", {self.partitions} XNNPACK partitions"
        return f"{self.psnr:.0f} dB{pieces}"


Support = Mapping[str, Mapping[str, Outcome]]
"""By encoder, then by kind of artefact."""


def read_support() -> Support:
    """The table of this version."""
    found = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        encoder: {kind: Outcome(**{**cell, "outside": tuple(cell.get("outside", ()))}) for kind, cell in cells.items()}
        for encoder, cells in found.items()
    }


def refuse_blocked(encoder: str) -> None:
    """Raise if a student of this encoder can be converted to no kind of artefact.

    Raises:
        ConversionRefused: It is blocked in all of them; the message gives the measured reasons.
    """
    cells = read_support().get(encoder, {})
    if cells and all(cell.status == "blocked" for cell in cells.values()):
        reasons = dict.fromkeys(cell.reason for cell in cells.values())
        raise ConversionRefused(f"encoder {encoder} does not reach a phone: {'; '.join(reasons)}; choose another")
