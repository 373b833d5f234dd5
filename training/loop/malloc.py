"""Freed memory kept for the next step, instead of given back and fetched again."""

import ctypes
import sys

# Names and numbers of glibc's <malloc.h>.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def keep_freed_memory() -> None:
    """Let this process keep what it frees; where the C library is not glibc, nothing happens.

    glibc maps every large tensor anew and unmaps it when it is freed, so that a training step spends its time on page
    faults: 39 to 31 ms a photo at batch 16, 56 to 30 at batch 32. Peak memory stays, but is not returned before the
    end.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_M_MMAP_MAX, 0)
        library.mallopt(_M_TRIM_THRESHOLD, -1)
