"""Which pairs a student is taught with and which it is judged by, without near-duplicates on both sides.

Photos of one scene, or of one photo saved twice, would let a student be judged by what it has seen. Photos that
look alike therefore stay together, and likeness is passed on: where A is like B and B like C, all three do.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.pairs import Pair
from training.data.photos import read_thumbnail
from training.data.thread_map import thread_map
from training.student.errors import BadInput

DISTANCE = 72
"""Photos whose hashes differ in at most this many of 255 bits look alike.

Measured: of 803 street portraits the five true duplicates lie below 39 and all strangers above 75; of 86 coin
photos twelve of fifteen repeated scenes lie within 72 and all strangers above 91. The customary 64-bit hash
cannot tell them apart: strangers begin at 10, repeated scenes reach 14.
"""

Hashes = NDArray[np.float32]
"""(8, bits) of one photo; see `photo_hashes`."""

_THUMBNAIL = 64
_FREQUENCIES = 16
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Split:
    """Sides that share no photo and no scene, each sorted by name."""

    train: tuple[Pair, ...]
    validation: tuple[Pair, ...]
    test: tuple[Pair, ...] = ()

    @property
    def held_out(self) -> tuple[Pair, ...]:
        """What the student is judged by in the end: pairs that chose nothing, where some were kept for that."""
        return self.test or self.validation


def split(
    pairs: Sequence[Pair],
    *,
    validation: float,
    seed: int,
    test: str | None = None,
    hashes: Mapping[str, Hashes] | None = None,
) -> Split:
    """Divide pairs by groups of photos that look alike.

    Args:
        pairs: In any order; the result does not depend on it.
        validation: Share of the pairs to choose the best epoch with, met as nearly as the groups allow.
        seed: Draws what validates; equal seeds draw equally.
        test: `k/n` keeps the k-th of n parts out of both, whatever the seed. Over all k, each pair is tested once.
        hashes: By the pair's name, as `photo_hashes` gives them, where they are known; else photos are read for them.

    Raises:
        BadInput: The share is not between 0 and 1, there are too few pairs or groups, or a photo cannot be read.
    """
    if not 0 < validation < 1:
        raise BadInput(f"validation {validation} is not a share of the pairs; expected one between 0 and 1")
    if len(pairs) < 2:
        raise BadInput(f"a split needs at least 2 pairs, found {len(pairs)}; add photos and their masks")
    pairs = sorted(pairs, key=lambda pair: pair.name)
    if hashes is None:
        groups = group_alike([pair.photo for pair in pairs])
    else:
        groups = _groups([hashes[pair.name] for pair in pairs])
    if len(groups) < 2:
        raise BadInput(
            f"all {len(pairs)} photos look alike, a split needs at least 2 groups that do not; "
            "add photos of another scene"
        )
    # The same part whatever the seed: what several seeds bring is compared on the same photos.
    tested = [] if test is None else _part(_shuffled(groups, seed=0), test)
    first_of_tested = {group[0] for group in tested}
    groups = [group for group in _shuffled(groups, seed) if group[0] not in first_of_tested]
    count = sum(len(group) for group in groups)
    wanted = min(max(round(validation * count), 1), count - 1)
    drawn = set(_draw([len(group) for group in groups], wanted))
    sides = (
        [group for index, group in enumerate(groups) if index not in drawn],
        [groups[index] for index in drawn],
        tested,
    )
    return Split(*(tuple(pairs[member] for member in sorted(chain.from_iterable(side))) for side in sides))


def _shuffled(groups: list[list[int]], seed: int) -> list[list[int]]:
    shuffled = list(groups)
    random.Random(seed).shuffle(shuffled)
    return shuffled


def _part(groups: list[list[int]], asked: str) -> list[list[int]]:
    """The groups of one of n parts of nearly equal size."""
    part, parts = map(int, asked.split("/"))
    if len(groups) < parts + 2:
        raise BadInput(
            f"test={asked} needs at least {parts + 2} groups of photos that do not look alike, found {len(groups)}; "
            "use fewer parts, or add photos of other scenes"
        )
    own: list[list[int]] = []
    filled = [0] * parts
    for group in sorted(groups, key=len, reverse=True):
        emptiest = filled.index(min(filled))
        filled[emptiest] += len(group)
        if emptiest == part - 1:
            own.append(group)
    return own


def group_alike(photos: Sequence[Path]) -> list[list[int]]:
    """Indices of photos that look alike, each group and the list of groups in ascending order.

    Mirrored and quarter-turned copies count as alike: data sets are often handed on with such copies added.

    Raises:
        BadInput: A photo cannot be read.
    """
    return _groups(thread_map(photo_hashes, photos, doing="compare photos", unit="photo"))


def _groups(each: Sequence[Hashes]) -> list[list[int]]:
    """Indices of photos whose hashes are near, as `group_alike` orders them."""
    hashes = np.stack(each) if each else np.empty((0, 8, _FREQUENCIES**2 - 1), np.float32)
    leader = np.arange(len(hashes))
    for start in range(0, len(hashes), _ROWS_AT_ONCE):
        rows = hashes[start : start + _ROWS_AT_ONCE, 0]
        # Signs agree in (bits + product) / 2 places.
        nearest = np.min([(rows.shape[1] - rows @ hashes[:, turn].T) / 2 for turn in range(8)], axis=0)
        for row, column in zip(*np.nonzero(nearest <= DISTANCE), strict=True):
            one, other = _leader(leader, start + row), _leader(leader, column)
            leader[max(one, other)] = min(one, other)
    groups: dict[int, list[int]] = {}
    for index in range(len(hashes)):
        groups.setdefault(_leader(leader, index), []).append(index)
    return list(groups.values())


def _leader(leader: NDArray[np.intp], index: int) -> int:
    while leader[index] != index:
        leader[index] = leader[leader[index]]
        index = int(leader[index])
    return index


def photo_hashes(photo: Path) -> Hashes:
    """(8, bits) of ±1: the photo's perceptual hash, and those of its turned and mirrored copies.

    The signs of the lowest frequencies of a cosine transform, as in Zauner, Implementation and Benchmarking of
    Perceptual Image Hash Functions (2010), without the mean, which only tells how bright a photo is.

    Raises:
        BadInput: As `read_thumbnail`.
    """
    grey = read_thumbnail(photo, side=_THUMBNAIL).astype(np.float32)
    copies = [np.rot90(side, quarters) for side in (grey, grey[:, ::-1]) for quarters in range(4)]
    spectra = [cv2.dct(np.ascontiguousarray(copy))[:_FREQUENCIES, :_FREQUENCIES] for copy in copies]
    return np.where(np.stack(spectra).reshape(8, -1)[:, 1:] > 0, np.float32(1), np.float32(-1))


def _draw(sizes: Sequence[int], wanted: int) -> list[int]:
    """Indices whose sizes add up to `wanted` or as near as can be, neither none nor all; the first such found."""
    # last[s] is the index that first made the sum s; one step back is then a sum made by smaller indices only.
    unmade, nothing = -2, -1
    last = np.full(sum(sizes), unmade)
    last[0] = nothing
    for index, size in enumerate(sizes):
        made = np.flatnonzero(last[: max(len(last) - size, 0)] != unmade) + size
        last[made[last[made] == unmade]] = index
        if last[wanted] != unmade:
            break
    sums = np.flatnonzero(last[1:] != unmade) + 1
    total = int(sums[np.abs(sums - wanted).argmin()])
    drawn = []
    while total:
        drawn.append(int(last[total]))
        total -= sizes[drawn[-1]]
    return drawn
