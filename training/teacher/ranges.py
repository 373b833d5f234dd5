"""Where a knob may be tuned: declared beside it, as `Annotated[int, Range(3, 9)]`; a knob without one is left alone."""

from dataclasses import dataclass
from typing import Any

from training.teacher.protocol import Settings


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from low to high, both included."""

    low: float
    high: float
    log: bool = False
    """Whether ratios count rather than differences."""


@dataclass(frozen=True, slots=True)
class Among:
    """A few values, none between any two."""

    values: tuple[Any, ...]


def tunable(knobs: type[Settings]) -> dict[str, Range | Among]:
    """The ranges of a teacher's knobs, by name, in the order of their declaration."""
    found = {}
    for name, field in knobs.model_fields.items():
        for entry in field.metadata:
            if isinstance(entry, Range | Among):
                found[name] = entry
    return found
