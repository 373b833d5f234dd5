import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from training.student.errors import BadInput, OutOfMemory, OutOfSpace
from training.student.exhaustion import exhausted


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space left to write a; free some"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "no space left to write a; free some"),
        (OSError(errno.EFBIG, "File too large"), "a would be larger than files may be here"),
        (OSError(errno.EROFS, "Read-only file system"), "a cannot be written, its disk is read-only"),
        (RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"), "no space left"),
    ],
)
def test_a_disk_that_takes_no_more_is_told_in_whose_words_soever(error, said):
    found = exhausted(error, Path("a"))

    assert isinstance(found, OutOfSpace)
    assert str(found).startswith(said)


def too_much_for(library):
    if library == "numpy":
        np.zeros(2**60, np.uint8)
    elif library == "torch":
        torch.zeros(2**60)
    elif library == "OpenCV":
        cv2.resize(np.broadcast_to(np.zeros((1, 1), np.uint8), (2, 2)).copy(), (2**30, 2**30))
    else:
        raise MemoryError


@pytest.mark.parametrize("library", ["numpy", "torch", "OpenCV", "Python"])
def test_exhausted_memory_is_told_in_whose_words_soever(library):
    with pytest.raises((MemoryError, RuntimeError, cv2.error)) as found:
        too_much_for(library)

    assert isinstance(exhausted(found.value), OutOfMemory)


@pytest.mark.parametrize(
    "error", [OSError(errno.EACCES, os.strerror(errno.EACCES)), RuntimeError("a shape"), BadInput("out of memory")]
)
def test_other_errors_stay_what_they_are(error):
    assert exhausted(error) is None


def test_on_a_full_disk_any_error_of_a_library_is_taken_for_that():
    assert isinstance(exhausted(RuntimeError("offset"), Path("a"), is_full=True), OutOfSpace)
