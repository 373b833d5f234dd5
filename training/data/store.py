"""Decoded pairs: as many as fit in memory, then on disk in a file that is mapped into it, the rest decoded anew."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from training.data.resources import available, free_disk
from training.student.arrays import Pixels

_GB = 10**9


@dataclass(frozen=True, slots=True)
class Decoded:
    """A photo and its teacher mask."""

    photo: Pixels
    """(H, W, 3) RGB."""
    teacher_mask: Pixels
    """(H', W') class indices, not necessarily of the photo's size."""

    @property
    def bytes(self) -> int:
        """Of both."""
        return self.photo.nbytes + self.teacher_mask.nbytes


@dataclass(frozen=True, slots=True)
class Bound:
    """What decoded pairs may take, in bytes."""

    memory: int
    disk: int

    @staticmethod
    def of(gigabytes: float | str, processes: int = 1) -> "Bound":
        """So much memory, `auto`: half of what is free, and half of the free disk; divided among processes."""
        memory = available() / 2 if isinstance(gigabytes, str) else gigabytes * _GB
        return Bound(int(memory / processes), int(free_disk(Path(tempfile.gettempdir())) / 2 / processes))


class Store:
    """Pairs by their index, at once where there is room for them.

    The file lies where temporary files do (TMPDIR), without a name, so that nothing is left of it however the process
    ends. Forked workers share both memory and file; a worker that is started otherwise decodes what the file holds.
    """

    def __init__(self, decode: Callable[[int], Decoded], count: int, bound: Bound, doing: str) -> None:
        """Decode pairs 0 to `count` − 1 once, with a progress bar, until there is no more room.

        Args:
            decode: A pair by its index, always the same.
            count: Of pairs.
            bound: To keep within.
            doing: What the progress bar says.
        """
        self._decode = decode
        self._kept: list[Decoded | None] = [None] * count
        self.in_memory = self.on_disk = 0
        memory, disk = bound.memory, bound.disk
        places: list[tuple[int, int, Decoded]] = []
        # It outlives this function by its mapping.
        with tempfile.TemporaryFile() as file:
            for index in tqdm(range(count), desc=doing, unit="pair", leave=False):
                pair = decode(index)
                if pair.bytes <= memory:
                    memory -= pair.bytes
                    self._kept[index] = pair
                    self.in_memory += 1
                elif pair.bytes <= disk:
                    disk -= pair.bytes
                    places.append((index, file.tell(), Decoded(_like(pair.photo), _like(pair.teacher_mask))))
                    file.write(pair.photo.tobytes())
                    file.write(pair.teacher_mask.tobytes())
                    self.on_disk += 1
                else:
                    break
            file.flush()
            whole = np.memmap(file, np.uint8, mode="r") if places else np.zeros(0, np.uint8)
        for index, start, form in places:
            middle = start + form.photo.size
            photo = whole[start:middle].reshape(form.photo.shape)
            mask = whole[middle : middle + form.teacher_mask.size].reshape(form.teacher_mask.shape)
            self._kept[index] = Decoded(photo, mask)

    def __len__(self) -> int:
        """Of all pairs."""
        return len(self._kept)

    def __getitem__(self, index: int) -> Decoded:
        """One pair, to be read only."""
        return self._kept[index] or self._decode(index)

    def __getstate__(self) -> dict[str, Any]:
        """For a worker that shares no memory: without what lies on disk."""
        kept = [None if pair and isinstance(pair.photo, np.memmap) else pair for pair in self._kept]
        return {**self.__dict__, "_kept": kept, "on_disk": 0}


def _like(pixels: Pixels) -> Pixels:
    """Of the same shape, and without any memory of its own."""
    return np.broadcast_to(np.zeros((), np.uint8), pixels.shape)
