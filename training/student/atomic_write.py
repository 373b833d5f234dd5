"""Atomic writes: into a temporary path, then moved into place. A reader sees the old or the new, never a half."""

import csv
import io
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.student.errors import BadInput, OutOfSpace
from training.student.exhaustion import exhausted
from training.student.temporary import OLD, temporary_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well.

    The block may create a file or a folder there; what lay at `path` before is replaced only then, and left
    intact on any error. What killed processes left beside it is removed first.

    Raises:
        BadInput: The folder cannot be written to.
        OutOfSpace: The disk is full.
    """
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            folder = stack.enter_context(temporary_folder(path.parent))
            (folder / "new").mkdir()
        except OSError as error:
            raise exhausted(error, path) or BadInput(f"cannot write {path}: {error.strerror}") from error
        # As long a name as its own, and no longer, or the longest would not do.
        temporary = folder / "new" / path.name
        try:
            yield temporary
            if path.is_dir() or (path.exists() and temporary.is_dir()):
                # No folder is replaced, or replaces, in one step; the old steps aside, and goes with the temporary.
                (folder / OLD).mkdir()
                path.rename(folder / OLD / path.name)
            if temporary.is_file():
                # Some libraries create their files readable by nobody else.
                temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        except Exception as error:
            # Libraries have errors of their own for a disk that is full. Memory is not what this file is about.
            found = exhausted(error, path, is_full=_is_full(path.parent))
            if isinstance(found, OutOfSpace):
                # A file in a folder that is itself being written is named by the place that it would have had.
                raise OutOfSpace(str(found).replace(str(temporary), str(path))) from error
            raise


def append_line(path: Path, line: str) -> None:
    """Append a line to a file that grows, in one write; a last line that was torn, wherever, goes first.

    Raises:
        BadInput: It cannot be written to.
        OutOfSpace: The disk is full; the file is as it was.
    """
    try:
        with path.open("a+b", buffering=0) as file:
            whole = _end_of_lines(file)
            file.truncate(whole)
            rest = f"{line}\n".encode()
            try:
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError:
                file.truncate(whole)
                raise
    except OSError as error:
        raise exhausted(error, path) or BadInput(f"cannot write {path}: {error.strerror}") from error


def whole_lines(path: Path) -> list[bytes]:
    """The lines of a file that grows, without one at its end that was torn; none, where there is no file.

    Raises:
        OSError: It cannot be read.
    """
    if not path.exists():
        return []
    return path.read_bytes().split(b"\n")[:-1]


def _end_of_lines(file: io.FileIO) -> int:
    """Where the last whole line of a file ends."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 4096)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


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


_LEAST = 2**16
"""Bytes. With fewer, a disk is full for any file of ours."""


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _LEAST
    except OSError:
        return False
