"""`dropped.txt`: lists the photos of a folder to leave out of training and evaluation; their files stay.

One name per line, as in `photos/NAME.jpg`. Text after a `#` is a comment; empty lines are ignored. Since a name may
contain a `#`, the name of a line is the longest existing one: the whole line, or the part before one of its `#`.
"""

import difflib
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from training.student.atomic_write import write_text
from training.student.bounded_read import read_text
from training.student.errors import BadInput

FILE = "dropped.txt"
HEAD = "# Photos that are left out: one name a line, without its suffix; what follows a # says why."


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the list."""

    text: str
    name: str | None
    """The photo that it drops; None for a comment or an empty line."""


def read_dropped_list(folder: Path, names: Collection[str]) -> list[Line]:
    """Read the lines of the folder's list; empty if there is no list.

    Args:
        folder: The folder of pairs.
        names: The names of all its pairs.

    Raises:
        BadInput: The list is not UTF-8 text, or names a photo that does not exist.
    """
    path = folder / FILE
    if not path.exists():
        return []
    text = read_text(path, "expected UTF-8 text with one name per line")
    known = frozenset(names)
    # Split at these alone: a name may contain other characters at which str.splitlines splits.
    lines = [Line(line, _named(line, known)) for line in text.replace("\r\n", "\n").removesuffix("\n").split("\n")]
    for number, line in enumerate(lines, start=1):
        if line.name is not None and line.name not in known:
            near = difflib.get_close_matches(line.name, known, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "a name is a file's, without its suffix"
            raise BadInput(f"{path}, line {number}, names '{line.name}', which is not a photo of {folder}; {hint}")
    return lines


def as_line(name: str, reason: str, names: Collection[str]) -> str:
    """The line that drops a photo; without the reason if with it the line would name another photo.

    Raises:
        BadInput: The name cannot be written in a line.
    """
    if name != name.strip() or "\n" in name or "\r" in name:
        raise BadInput(f"{FILE} cannot name {name!r}: it has a line break, or a space at one end; rename the photo")
    line = f"{name}  # {' '.join(reason.split())}"
    return line if _named(line, names) == name else name


def write_dropped_list(
    folder: Path, reasons: Mapping[str, str], names: Collection[str], *, replace: bool = False
) -> None:
    """Write the list.

    Args:
        folder: The folder of pairs.
        reasons: The reason, by the name of each photo to drop.
        names: The names of all its pairs.
        replace: Whether to overwrite a different list.

    Raises:
        BadInput: There is a different list, a name cannot be written in a line, or the folder cannot be written to.
    """
    path = folder / FILE
    text = "".join(f"{line}\n" for line in (HEAD, *(as_line(name, why, names) for name, why in reasons.items())))
    if path.exists() and not replace and path.read_bytes() != text.encode():
        listed = sum(line.name is not None for line in read_dropped_list(folder, names))
        raise BadInput(f"{path} exists and drops {listed} of {len(names)} photos; move it away, or use --replace")
    write_text(path, text)


def _named(line: str, known: Collection[str]) -> str | None:
    """The photo that a line drops, or the name it gives if there is no such photo; None if it gives none."""
    beginnings = [line[:end] for end in range(len(line), -1, -1) if end == len(line) or line[end] == "#"]
    found = [unicodedata.normalize("NFC", beginning.strip()) for beginning in beginnings]
    return next((name for name in found if name in known), found[-1] or None)
