"""Finds the photos and videos in the files and folders that a command line names."""

import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data.pairs import PHOTO_SUFFIXES

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".3gp")


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A photo or a video."""

    path: Path
    relative_path: Path
    """Its path below the folder that was given; for a file that was given itself, its name."""

    @property
    def is_video(self) -> bool:
        """Whether its suffix is that of a video."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES


@dataclass(frozen=True, slots=True)
class MediaFiles:
    """What was found."""

    files: tuple[MediaFile, ...]
    """In the order given, folders sorted, each file once."""
    faults: tuple[str, ...]
    """One line for each path that holds nothing usable."""
    others: dict[str, int]
    """How many files in folders are neither photos nor videos, by suffix."""


def find_media_files(paths: Sequence[Path], results: Collection[Path]) -> MediaFiles:
    """Find all photos and videos, except hidden ones.

    Args:
        paths: Files and folders, as given.
        results: Resolved paths of earlier results, which are left out where a folder holds them.
    """
    files: dict[Path, MediaFile] = {}
    faults: list[str] = []
    others: Counter[str] = Counter()
    for path in paths:
        if not path.is_dir():
            if not path.exists():
                faults.append(f"{path} does not exist")
            elif _is_known(path):
                files.setdefault(path.resolve(), MediaFile(path, Path(path.name)))
            else:
                expected = ", ".join((*PHOTO_SUFFIXES, *VIDEO_SUFFIXES))
                faults.append(f"{path} is neither a photo nor a video by its suffix; expected one of {expected}")
            continue
        before = len(files)
        for file in sorted(_walk(path, faults)):
            relative_path = file.relative_to(path)
            if not file.is_file():
                # Of a pipe, a device or a link that leads nowhere, the suffix alone says that it was meant.
                if _is_known(file):
                    faults.append(f"{file} is no file, or cannot be reached")
                continue
            if file.resolve() in results:
                continue
            if _is_known(file):
                files.setdefault(file.resolve(), MediaFile(file, relative_path))
            else:
                others[file.suffix.lower() or file.name] += 1
        if len(files) == before:
            faults.append(f"{path} holds no photos or videos, or only some that were given already")
    return MediaFiles(tuple(files.values()), tuple(faults), dict(others))


def _walk(folder: Path, faults: list[str]) -> Iterator[Path]:
    """Everything below a folder that is no folder and not hidden; a folder that cannot be read is a fault."""

    def fail(error: OSError) -> None:
        faults.append(f"cannot read {error.filename}: {error.strerror}")

    for here, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(here, name) for name in names if not name.startswith("."))


def _is_known(path: Path) -> bool:
    return path.suffix.lower() in (*PHOTO_SUFFIXES, *VIDEO_SUFFIXES)
