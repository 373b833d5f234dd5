"""What the paths on a command line hold: photos and videos, and what is neither."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data.pairs import PHOTO_SUFFIXES

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".3gp")


@dataclass(frozen=True, slots=True)
class Input:
    """A photo or a video."""

    path: Path
    within: Path
    """Its path below the folder that was given; of a file that was given, its name."""

    @property
    def is_video(self) -> bool:
        """By its name."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES


@dataclass(frozen=True, slots=True)
class Inputs:
    """All of them."""

    found: tuple[Input, ...]
    """In the order given, folders sorted, each file once."""
    faults: tuple[str, ...]
    """Of paths that hold nothing to use."""
    others: dict[str, int]
    """How many files of folders are neither, by suffix."""


def find(paths: Sequence[Path], results: Collection[Path]) -> Inputs:
    """The photos and videos of files and folders, hidden ones apart.

    Args:
        paths: As given.
        results: Resolved paths that earlier runs made, which are no inputs where a folder holds them.
    """
    found: dict[Path, Input] = {}
    faults: list[str] = []
    others: Counter[str] = Counter()
    for path in paths:
        if not path.is_dir():
            if not path.exists():
                faults.append(f"{path} does not exist")
            elif _is_known(path):
                found.setdefault(path.resolve(), Input(path, Path(path.name)))
            else:
                expected = ", ".join((*PHOTO_SUFFIXES, *VIDEO_SUFFIXES))
                faults.append(f"{path} is neither photo nor video by its name; expected one of {expected}")
            continue
        before = len(found)
        for one in sorted(path.rglob("*")):
            within = one.relative_to(path)
            if not one.is_file() or any(part.startswith(".") for part in within.parts) or one.resolve() in results:
                continue
            if _is_known(one):
                found.setdefault(one.resolve(), Input(one, within))
            else:
                others[one.suffix.lower() or one.name] += 1
        if len(found) == before:
            faults.append(f"{path} holds no photo and no video that was not given already")
    return Inputs(tuple(found.values()), tuple(faults), dict(others))


def _is_known(path: Path) -> bool:
    return path.suffix.lower() in (*PHOTO_SUFFIXES, *VIDEO_SUFFIXES)
