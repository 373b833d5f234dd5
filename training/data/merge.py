"""Several folders of pairs as one: rendered and real photos, or the masks of several teachers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from training.data.pairs import Pairs
from training.student.errors import BadInput


def merge(parts: Sequence[Pairs]) -> Pairs:
    """All pairs of one or more folders; of several, each is named `FOLDER-NAME`.

    The classes are those of the first: of a single class the name makes no difference.

    Raises:
        BadInput: They have other classes than the first, or two folders of one name hold pairs of one name.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    for part in parts:
        if part.classes != first.classes and not len(part.classes) == len(first.classes) == 1:
            found, expected = (", ".join(each.classes) for each in (part, first))
            raise BadInput(f"{part.folder} has the classes {found}, {first.folder} has {expected}; fit them apart")
    every = [replace(pair, name=qualified_name(part.folder, pair.name)) for part in parts for pair in part.pairs]
    pairs = {pair.name: pair for pair in every}
    for pair in every:
        if pairs[pair.name] is not pair:
            raise BadInput(f"{pair.photo} and {pairs[pair.name].photo} would both be {pair.name}; rename a folder")
    further = tuple(part.folder for part in parts[1:])
    return Pairs(first.folder, first.classes, tuple(pairs[name] for name in sorted(pairs)), further=further)


def qualified_name(folder: Path, name: str) -> str:
    """A pair's name where its folder is one of several."""
    return f"{folder.resolve().name}-{name}"


def balanced_epoch(folders: Sequence[Path], least: int) -> list[int]:
    """Indices of the pairs of an epoch: each folder gets the same share of it, however many pairs it has.

    Otherwise a thousand renderings would drown a hundred photos. Each pair of the largest folder comes at least once,
    those of smaller folders several times.

    Args:
        folders: The folder of each pair.
        least: Smallest number of indices, approximately.
    """
    by_folder: dict[Path, list[int]] = {}
    for index, folder in enumerate(folders):
        by_folder.setdefault(folder, []).append(index)
    share = max(least / len(by_folder), *map(len, by_folder.values()))
    return [index for own in by_folder.values() for _ in range(max(1, round(share / len(own)))) for index in own]
