"""A full disk and exhausted memory, told from other errors, whichever library meets them."""

import errno
from pathlib import Path

from training.student.errors import OutOfMemory, OutOfSpace, PocketmaskError, one_line

_FULL = "no space left to write {}; free some, or choose another folder"
_LIMITED = "{} would be larger than files may be here (ulimit -f); raise the limit, or choose another folder"
_READ_ONLY = "{} cannot be written, its disk is read-only; choose another folder"

_OF_DISKS = {errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EFBIG: _LIMITED, errno.EROFS: _READ_ONLY}

# Some libraries pass on the system's words without its number.
_WORDS_OF_DISKS = {
    "no space left on device": _FULL,
    "disk quota exceeded": _FULL,
    "file too large": _LIMITED,
    "read-only file system": _READ_ONLY,
}

# Of numpy, torch, oneDNN, OpenCV, ONNX Runtime and C++; most raise a plain RuntimeError.
_WORDS_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "insufficient memory",
    "could not create a primitive",
    "failed to allocate",
    "unable to allocate",
    "bad_alloc",
    "bad allocation",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory of the CPU or a GPU ran out."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    is_known = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return is_known or any(words in str(error).lower() for words in _WORDS_OF_MEMORY)


def exhausted(
    error: BaseException, path: Path | None = None, *, is_full: bool = False
) -> OutOfSpace | OutOfMemory | None:
    """What to raise instead, in words for the user, if a disk is full or memory exhausted; None: it is another error.

    Args:
        error: As raised.
        path: What was being made; by default, what the error names.
        is_full: Whether the disk is known to be full, and any error of a library is taken for that.
    """
    if isinstance(error, PocketmaskError):
        return error if isinstance(error, OutOfSpace | OutOfMemory) else None
    if is_out_of_memory(error):
        doing = f"to make {path} " if path else ""
        return OutOfMemory(f"not enough memory {doing}({one_line(error)}); end other programs, or use smaller files")
    said = _of_disk(error) or (_FULL if is_full else None)
    return OutOfSpace(said.format(path or getattr(error, "filename", None) or "a file")) if said else None


def _of_disk(error: BaseException) -> str | None:
    if isinstance(error, OSError) and error.errno is not None:
        return _OF_DISKS.get(error.errno)
    text = str(error).lower()
    return next((said for words, said in _WORDS_OF_DISKS.items() if words in text), None)
