"""One pass over all pairs of a folder before training: each file is read once, for everything that `fit` asks of it."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.census import Census
from training.data.pairs import Pair, Pairs
from training.data.photos import read_content, read_photo
from training.data.split import Hashes, photo_hashes
from training.data.store import Decoded
from training.student.errors import BadInput
from training.student.metrics import IGNORED


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


def scan(pairs: Pairs, prepare: Callable[[Decoded], Decoded] | None = None, room: int = 0) -> Scan:
    """Read every photo and mask once, so that no fault shows only hours into a training.

    Args:
        pairs: Of one folder or several.
        prepare: What to keep of a decoded pair, to spare the training its decoding; None: nothing.
        room: Bytes that all of it may take.

    Raises:
        BadInput: Lists the first ten faults and counts them all; or the masks of all pairs show one class only.
    """
    classes = len(pairs.classes)
    faults: list[str] = []
    found: dict[str, _Found] = {}
    with ThreadPoolExecutor() as pool:
        read = pool.map(lambda pair: _fault_or_found(pair, classes, prepare), pairs.pairs)
        bar = tqdm(read, "read pairs", len(pairs.pairs), unit="pair", leave=False, disable=None)
        for pair, one in zip(pairs.pairs, bar, strict=True):
            if isinstance(one, str):
                faults.append(one)
                continue
            room -= one.decoded.bytes if one.decoded else 0
            if room < 0:
                # From here on nothing more is decoded ahead; what threads are at already is dropped.
                prepare = None
            found[pair.name] = one if room >= 0 else replace(one, decoded=None)
    _refuse_faults(faults, pairs)
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
    return hashlib.sha256(read_content(pair.photo)).digest(), hashlib.sha256(read_content(pair.mask)).digest()


def _fault_or_found(pair: Pair, classes: int, prepare: Callable[[Decoded], Decoded] | None) -> str | _Found:
    """What is wrong with a pair, or what was found."""
    try:
        photo_file, mask_file = read_content(pair.photo), read_content(pair.mask)
        photo = read_photo(pair.photo, photo_file)
        mask = pair.read_mask(photo.shape, classes, mask_file)
        return _Found(
            (hashlib.sha256(photo_file).digest(), hashlib.sha256(mask_file).digest()),
            np.bincount(mask.reshape(-1), minlength=IGNORED + 1),
            photo_hashes(pair.photo, photo_file),
            prepare(Decoded(photo, mask)) if prepare else None,
        )
    except BadInput as error:
        return str(error)


def _refuse_faults(faults: Sequence[str], pairs: Pairs) -> None:
    if faults:
        rest = f"\n  and {len(faults) - 10} more" if len(faults) > 10 else ""
        counted = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise BadInput(f"{counted} in {' and '.join(map(str, pairs.folders))}:\n  " + "\n  ".join(faults[:10]) + rest)


def _census(pairs: Pairs, found: Mapping[str, _Found]) -> Census:
    shown = max(2, len(pairs.classes))
    counts = {name: one.counts[:shown] for name, one in found.items()}
    census = Census(pairs.classes, counts, sum(int(one.counts[IGNORED]) for one in found.values()))
    census.refuse_sameness(" and ".join(str(folder / "masks") for folder in pairs.folders))
    return census
