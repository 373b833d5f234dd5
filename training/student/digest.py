"""The digest by which files are told apart and found unchanged."""

import hashlib
import os
from pathlib import Path

from training.student.bounded_read import open_file


def sha256(path: Path) -> str:
    """The SHA-256 of a file or folder, in hexadecimal digits.

    A file is read in pieces, so it may be larger than memory. A folder's digest covers the relative paths and the
    digests of its files, in the order of their paths.

    Raises:
        OSError: There is nothing at `path`, it is no file or folder, or it cannot be read.
    """
    if not path.is_dir():
        return _digest(path).hex()
    total = hashlib.sha256()
    for entry in sorted(path.rglob("*")):
        if entry.is_file():
            total.update(os.fsencode(entry.relative_to(path).as_posix()) + b"\0")
            total.update(_digest(entry))
    return total.hexdigest()


def _digest(path: Path) -> bytes:
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").digest()
