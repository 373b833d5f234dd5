"""Masks that colour their classes: which colour means which, as a folder's `colours.txt` says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.student.bounded_read import brief, read_text
from training.student.errors import BadInput
from training.student.metrics import IGNORED

FILE = "colours.txt"
BACKGROUND = "background"
"""Names what is no foreground in binary masks."""
IGNORE = "ignore"
"""Names what nobody judged."""

_LINE = re.compile(r"#([0-9a-f]{6})\s+(\S.*)", re.IGNORECASE)
_FORM = "expected a colour and a class, such as #804080 road"


@dataclass(frozen=True, slots=True)
class Colours:
    """A list of colours and what each stands for."""

    path: Path
    colours: tuple[int, ...]
    """0xRRGGBB, ascending."""
    values: tuple[int, ...]
    """Of each: a class index, or 255 where nobody judged."""

    def indices(self, mask: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
        """(rows, columns) of class indices.

        Args:
            mask: (rows, columns, 3) RGB.
            path: Where it is from, for messages.

        Raises:
            BadInput: It has a colour that is not listed.
        """
        packed = mask[..., 0] * np.int32(1 << 16) + mask[..., 1] * np.int32(1 << 8) + mask[..., 2]
        known = np.array(self.colours, np.int32)
        place = np.searchsorted(known, packed).clip(max=len(known) - 1)
        unknown = packed[known[place] != packed]
        if unknown.size:
            raise BadInput(
                f"{path} has {_counted(unknown)}, which {self.path} does not name; add a line for each, or draw the "
                "mask without smooth edges"
            )
        found: NDArray[np.uint8] = np.array(self.values, np.uint8)[place]
        return found


def read(path: Path, classes: tuple[str, ...]) -> Colours | None:
    """What a `colours.txt` says; None where there is none.

    Each line is a colour and a name of `classes`; a name may come more than once. `ignore` is what nobody
    judged; beside a single class, `background` is the rest.

    Raises:
        BadInput: A line is of another form, or names no class; a colour comes twice; or a class has none.
    """
    if not path.exists():
        return None
    lines = read_text(path, f"expected UTF-8 text, {_FORM}").splitlines()
    indices = _indices(classes)
    found: dict[int, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if not match:
            raise BadInput(f"{path}, line {number}, is '{brief(line.strip())}', {_FORM}")
        colour, name = int(match[1], 16), match[2]
        if name not in indices:
            raise BadInput(f"{path}, line {number}, names '{brief(name)}', expected one of {', '.join(indices)}")
        if colour in found:
            raise BadInput(f"{path}, line {number}, gives #{match[1]} a second time; one colour is one class")
        found[colour] = indices[name]
    missing = [name for name, index in indices.items() if index != IGNORED and index not in found.values()]
    if missing:
        raise BadInput(f"{path} gives {', '.join(missing)} no colour; add a line for each, {_FORM}")
    ordered = sorted(found)
    return Colours(path, tuple(ordered), tuple(found[colour] for colour in ordered))


def _indices(classes: tuple[str, ...]) -> Mapping[str, int]:
    named = (BACKGROUND, *classes) if len(classes) == 1 else classes
    # A class of that very name comes first.
    return {IGNORE: IGNORED, **{name: index for index, name in enumerate(named)}}


def _counted(unknown: NDArray[np.int32]) -> str:
    """Such as: 2 colours, #0a0b0c (31 pixels) and #ffffff (1 pixel)."""
    colours, counts = np.unique(unknown, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:3]
    said = [f"#{colours[i]:06x} ({counts[i]} pixel{'s' if counts[i] > 1 else ''})" for i in order]
    rest = f" and {len(colours) - 3} more" if len(colours) > 3 else ""
    return f"the colour{'s' if len(colours) > 1 else ''} {', '.join(said)}{rest}"
