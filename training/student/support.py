"""What is known of each encoder on its way to a phone, as `python -m conversion bench-encoders` measured it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from training.student.errors import ConversionRefused

FILE = Path(__file__).with_name("support.json")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one encoder in one kind of artefact."""

    status: Literal["validated", "available", "blocked"]
    """Exported, executed and within budget; made and executed, but not within it untrained; or not to be had."""
    reason: str = ""
    """Why it is not validated."""
    psnr: float | None = None
    """dB, against the torch student, untrained, on noise."""
    partitions: int | None = None
    """TFLite: how many pieces XNNPACK cuts it into; 1 is whole."""
    outside: tuple[str, ...] = ()
    """TFLite: the operators that XNNPACK leaves out."""

    def __str__(self) -> str:
        """A few words."""
        if self.status != "validated":
            return f"{self.status}: {self.reason}" if self.reason else self.status
        pieces = "" if self.partitions in (None, 1) else f", {self.partitions} XNNPACK partitions"
        return f"{self.psnr:.0f} dB{pieces}"


Support = Mapping[str, Mapping[str, Outcome]]
"""By encoder, then by kind of artefact."""


def read() -> Support:
    """The table of this version."""
    found = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        encoder: {kind: Outcome(**{**cell, "outside": tuple(cell.get("outside", ()))}) for kind, cell in cells.items()}
        for encoder, cells in found.items()
    }


def refuse_blocked(encoder: str) -> None:
    """Raise where no phone target takes a student of this encoder.

    Raises:
        ConversionRefused: With the reason that was measured.
    """
    cells = read().get(encoder, {})
    if cells and all(cell.status == "blocked" for cell in cells.values()):
        reasons = dict.fromkeys(cell.reason for cell in cells.values())
        raise ConversionRefused(f"encoder {encoder} does not reach a phone: {'; '.join(reasons)}; choose another")
