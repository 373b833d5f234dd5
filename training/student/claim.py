"""One writer at a time: a command claims a folder, or a name in it, before it works for it."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.student.errors import BadInput
from training.student.exhaustion import exhausted
from training.student.temporary import OWN, PREFIX, lock, machine, remove, sweep, unlock

_FILE = f"{PREFIX}lock"

_CLAIMED: set[Path] = set()
"""By this process, which may claim again what it has."""

_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.EBADF}
"""What a file system without locks answers."""


@contextmanager
def claim(folder: Path, name: str = "") -> Iterator[None]:
    """Keep other processes from a folder, or from one name in it, until the block ends or this process does.

    The folder is made where it is missing, and what ended processes left in it is deleted. A process may claim again
    what it has claimed. On a file system without locks nobody is refused.

    Args:
        folder: Where results are written.
        name: For a result that is replaced as a whole: its name in the folder. Another name is another claim.

    Raises:
        BadInput: Another process has claimed it, or the folder cannot be written to.
        OutOfSpace: The disk is full.
    """
    # A digest, since the longest names leave no room for anything beside them.
    path = folder / (f"{_FILE}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}" if name else _FILE)
    if path.resolve() in _CLAIMED:
        yield
        return
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    descriptor = None
    try:
        descriptor = _locked(path, folder / name)
        _CLAIMED.add(path.resolve())
        sweep(folder)
        yield
    finally:
        _CLAIMED.discard(path.resolve())
        if descriptor is not None:
            # While it is locked, so that it is nobody else's by now.
            remove(path)
            unlock(descriptor)
        with contextlib.suppress(OSError):  # as it should be: they hold results
            for each in new:
                each.rmdir()


def _locked(path: Path, claimed: Path) -> int | None:
    """Lock the file of a claim; None where there are no locks."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = lock(path)
    except BlockingIOError as error:
        raise BadInput(
            f"{claimed} is in use by {_owner(path)}; wait until it has ended, or choose another folder"
        ) from error
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return None
        raise exhausted(error, path) or BadInput(f"cannot write to {path.parent}: {error.strerror}") from error
    OWN.add(path)
    return descriptor


def _owner(path: Path) -> str:
    try:
        where, number = path.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return "another process"
    return f"process {number}" if where == machine() else f"process {number} of another machine"
