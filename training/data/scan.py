"""One pass over all pairs before training: it gives everything that `fit` must know of each photo and mask."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from training.data.census import Census
from training.data.pairs import Pair, Pairs
from training.data.photos import read_photo
from training.data.split import Hashes, photo_hashes
from training.data.store import Decoded
from training.data.thread_map import thread_map
from training.student.digest import sha256
from training.student.errors import BadInput
from training.student.metrics import IGNORED

_LISTED = 10
"""Faults that a message lists. Where the first pairs all have one, no more are read."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over all pairs found."""

    census: Census
    """Pixels of each class, mask by mask."""
    digest: str
    """As `digest` gives it."""
    hashes: Mapping[str, Hashes]
    """By the pair's name: what `split` tells photos that look alike by."""
    decoded: Mapping[str, Decoded]
    """By the pair's name: what `prepare` made, of as many pairs as there was room for."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Of one pair."""

    digests: tuple[bytes, bytes]
    """sha256 of the photo's bytes and of the mask's."""
    counts: NDArray[np.int64]
    """(256,) pixels of each value of the mask."""
    hashes: Hashes
    decoded: Decoded | None


class _Room:
    """The bytes that decoded pairs may take in all, asked for by several threads."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = Lock()

    def take(self, size: int) -> bool:
        """Whether there was room for so much. Once there was not, there is none for anything."""
        with self._lock:
            self._left -= size
            return self._left >= 0

    @property
    def is_full(self) -> bool:
        return self._left <= 0


def scan(pairs: Pairs, prepare: Callable[[Decoded], Decoded] | None = None, room: int = 0) -> Scan:
    """Read every photo and mask, so that no fault shows only hours into a training.

    Args:
        pairs: Of one folder or several.
        prepare: What to keep of a decoded pair, to spare the training its decoding; None: nothing.
        room: Bytes that all of it may take.

    Raises:
        BadInput: Lists the first ten faults and counts all, unless every pair so far has one; or the masks of all pairs
            show one class only.
    """
    classes, left = len(pairs.classes), _Room(room)
    faults: list[str] = []
    found: dict[str, _Found] = {}
    read = thread_map(
        lambda pair: _fault_or_found(pair, classes, prepare, left), pairs.pairs, doing="read pairs", unit="pair"
    )
    for pair, one in zip(pairs.pairs, read, strict=False):
        if isinstance(one, str):
            faults.append(one)
            if len(faults) == _LISTED and not found:
                break  # masks of another kind: to decode the rest would tell no more
        else:
            found[pair.name] = one
    _refuse_faults(faults, pairs, unread=len(pairs.pairs) - len(faults) - len(found))
    return Scan(
        _census(pairs, found),
        digest(pairs.pairs, [one.digests for one in found.values()]),
        {name: one.hashes for name, one in found.items()},
        {name: one.decoded for name, one in found.items() if one.decoded},
    )


def digest(pairs: Sequence[Pair], digests: Iterable[tuple[bytes, bytes]] | None = None) -> str:
    """sha256 over the names and bytes of photos and masks, and over what the masks' colours mean.

    Args:
        pairs: In the order of their names.
        digests: sha256 of each pair's photo and mask, where they are known; else the files are read for them.
    """
    total = hashlib.sha256()
    for pair, (photo, mask) in zip(pairs, digests or map(_digests, pairs), strict=True):
        if pair.colours:
            total.update(repr((pair.colours.colours, pair.colours.values)).encode())
        total.update(pair.photo.name.encode() + photo)
        total.update(pair.mask.name.encode() + mask)
    return total.hexdigest()


def _digests(pair: Pair) -> tuple[bytes, bytes]:
    return bytes.fromhex(sha256(pair.photo)), bytes.fromhex(sha256(pair.mask))


def _fault_or_found(
    pair: Pair, classes: int, prepare: Callable[[Decoded], Decoded] | None, room: _Room
) -> str | _Found:
    """What is wrong with a pair, or what was found."""
    try:
        # Before the photo is decoded whole: one decoded photo at a time is what a thread holds.
        hashes = photo_hashes(pair.photo)
        photo = read_photo(pair.photo)
        mask = pair.read_mask(photo.shape, classes)
        decoded = prepare(Decoded(photo, mask)) if prepare and not room.is_full else None
        kept = decoded if decoded and room.take(decoded.bytes) else None
        return _Found(_digests(pair), np.bincount(mask.reshape(-1), minlength=IGNORED + 1), hashes, kept)
    except BadInput as error:
        return str(error)
    except OSError as error:
        return f"cannot read {error.filename or pair.photo}: {error.strerror}"


def _refuse_faults(faults: Sequence[str], pairs: Pairs, unread: int) -> None:
    if faults:
        rest = f"\n  and {len(faults) - _LISTED} more" if len(faults) > _LISTED else ""
        rest = f"\n  {unread} more pairs were not read, since none of these is right" if unread else rest
        counted = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise BadInput(
            f"{counted} in {' and '.join(map(str, pairs.folders))}:\n  " + "\n  ".join(faults[:_LISTED]) + rest
        )


def _census(pairs: Pairs, found: Mapping[str, _Found]) -> Census:
    shown = max(2, len(pairs.classes))
    counts = {name: one.counts[:shown] for name, one in found.items()}
    census = Census(pairs.classes, counts, sum(int(one.counts[IGNORED]) for one in found.values()))
    census.refuse_sameness(" and ".join(str(folder / "masks") for folder in pairs.folders))
    return census
