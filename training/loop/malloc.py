"""Settings of glibc's malloc: keep freed memory for the next training step."""

import ctypes
import sys

# Names and numbers of glibc's <malloc.h>.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def keep_freed_memory() -> None:
    """Let this process keep the memory it frees; without glibc this does nothing.

    By default glibc maps every large tensor anew and unmaps it when it is freed; page faults then slow each training
    step. Without them: 31 instead of 39 ms a photo at batch 16, 30 instead of 56 at batch 32. Peak memory stays the
    same, but is not returned before the process ends.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_M_MMAP_MAX, 0)
        library.mallopt(_M_TRIM_THRESHOLD, -1)
