"""Atomic writes: into a temporary path, then moved into place. A reader sees the old or the new, never a half."""

import csv
import errno
import io
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.student.errors import BadInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well.

    The block may create a file or a folder there; what lay at `path` before is replaced only then, and left
    intact on any error.

    Raises:
        BadInput: The folder cannot be written to, or its disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise _as_bad_input(error, path) from error
    replaced = workplace / "replaced"
    try:
        temporary = workplace / path.name
        yield temporary
        if path.is_dir() or (path.exists() and temporary.is_dir()):
            # No folder is replaced, or replaces, in one step; the old steps aside and goes with the workplace.
            path.rename(replaced)
        if temporary.is_file():
            # Some libraries create their files readable by nobody else.
            temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if error.errno in _FULL:
            raise _as_bad_input(error, path) from error
        raise
    finally:
        # Also when interrupted between the two steps, or the old would go and no new have come.
        if replaced.exists() and not path.exists():
            replaced.rename(path)
        shutil.rmtree(workplace, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, in one step as others see it."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write plain values as JSON, likewise; null stands for what is no finite number, which JSON cannot hold."""
    write_text(path, json.dumps(as_plain(value), indent=1, allow_nan=False) + "\n")


def as_plain(value: Any) -> Any:
    """Dicts, lists and what they hold, as JSON can hold it: None stands for what is no finite number."""
    if isinstance(value, dict):
        return {key: as_plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows, one at least and all with the keys of the first, under a line of those keys."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_figure(path: Path, figure: "Figure") -> None:
    """Write a Matplotlib figure as a PNG of 120 dots per inch, likewise."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_FULL = {errno.ENOSPC, errno.EDQUOT}


def _as_bad_input(error: OSError, path: Path) -> BadInput:
    if error.errno in _FULL:
        return BadInput(f"no space left to write {path}; free some, or choose another folder")
    return BadInput(f"cannot write {path}: {error.strerror}")
