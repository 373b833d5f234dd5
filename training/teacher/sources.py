"""Lists the photos of a folder and gives each a unique name for the labelled folder.

`a/b.jpg` becomes `a-b`, in NFC, with control characters replaced by `_`. If several photos would get the same name
(ignoring case), the first by path gets it and the others are numbered: `a.jpg` and `a.png` become `a` and `a-2`.
"""

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from training.data.pairs import PHOTO_SUFFIXES
from training.student.errors import BadInput

LONGEST = 200
"""Longest name in bytes; longer ones are cut and end in a digest. File names with suffixes then fit 255 bytes."""

_LITTER = ("thumbs.db", "desktop.ini")


@dataclass(frozen=True, slots=True)
class Source:
    """A photo to label."""

    path: Path
    file: str
    """Path within the folder, with slashes, in NFC; bytes that are not UTF-8 become U+FFFD."""
    name: str
    """Name of its pair and sidecar; unique within the folder."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The photos of a folder, sorted by file."""

    folder: Path
    photos: tuple[Source, ...]
    others: Mapping[str, int]
    """How many files of each other suffix there are."""


def find_photos(folder: Path, exclude: Path | None = None) -> Sources:
    """Find all photos below a folder by their suffixes; in a folder of pairs, those in photos/.

    Args:
        folder: May have subfolders. Hidden files and folders, and files of file managers, are ignored.
        exclude: A folder to ignore.

    Raises:
        BadInput: It is not a folder, cannot be read, or has no photos.
    """
    if not folder.is_dir():
        found = "is not a folder" if folder.exists() else "does not exist"
        raise BadInput(f"{folder} {found}; expected a folder of {', '.join(PHOTO_SUFFIXES)} photos")
    root = folder / "photos" if _are_pairs(folder) else folder
    files = list_files(root, exclude)
    suffixes = Counter(path.suffix.lower() for _, path in files)
    photos = [(file, path) for file, path in files if path.suffix.lower() in PHOTO_SUFFIXES]
    others = {suffix: times for suffix, times in sorted(suffixes.items()) if suffix not in PHOTO_SUFFIXES}
    if not photos:
        rest = f" but {format_counts(others)}" if others else ""
        raise BadInput(f"{folder} holds no photos{rest}; expected {', '.join(PHOTO_SUFFIXES)}")
    names = _names([file for file, _ in photos])
    named = zip(photos, names, strict=True)
    return Sources(folder, tuple(Source(path, file, name) for (file, path), name in named), others)


def list_files(root: Path, exclude: Path | None = None) -> list[tuple[str, Path]]:
    """Every visible file below a folder, sorted, as (path within the folder in the form of `Source.file`, path).

    Raises:
        BadInput: A folder cannot be read.
    """
    return sorted((_file(path, root), path) for path in _walk(root, exclude))


def format_counts(others: Mapping[str, int]) -> str:
    """Counts as text, such as `2 .heic, 1 without suffix`."""
    return ", ".join(f"{times} {suffix or 'without suffix'}" for suffix, times in others.items())


def _are_pairs(folder: Path) -> bool:
    return (folder / "photos").is_dir() and (folder / "masks").is_dir()


def _walk(root: Path, exclude: Path | None) -> Iterator[Path]:
    # Links to folders are followed, but each folder is visited once: a link may lead back up.
    seen = {exclude.resolve()} if exclude else set()

    def fail(error: OSError) -> None:
        raise BadInput(f"cannot read {error.filename}: {error.strerror}") from error

    for here, folders, files in os.walk(root, followlinks=True, onerror=fail):
        folder = Path(here)
        # Never skip the root itself: labelling a folder into itself gets its own error, not `no photos`.
        if folder != root and folder.resolve() in seen:
            folders.clear()
            continue
        seen.add(folder.resolve())
        folders[:] = ["photos"] if folder != root and _are_pairs(folder) else sorted(_visible(folders))
        yield from (folder / name for name in _visible(files))


def _visible(names: list[str]) -> list[str]:
    return [name for name in names if not name.startswith(".") and name.lower() not in _LITTER]


def _file(path: Path, root: Path) -> str:
    text = os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "replace")
    return unicodedata.normalize("NFC", text)


def _names(files: list[str]) -> list[str]:
    wanted = [_name(file) for file in files]
    # Some file systems do not distinguish `A` from `a`.
    first = {name.casefold(): index for index, name in reversed(list(enumerate(wanted)))}
    taken = set(first)
    names = []
    for index, name in enumerate(wanted):
        own, number = name, 1
        while first[name.casefold()] != index and own.casefold() in taken:
            number += 1
            own = f"{name}-{number}"
        taken.add(own.casefold())
        names.append(own)
    return names


def _name(file: str) -> str:
    name = re.sub(r"[\x00-\x1f\x7f]", "_", "-".join(PurePosixPath(file).with_suffix("").parts))
    if len(name.encode()) <= LONGEST:
        return name
    digest = hashlib.sha256(file.encode()).hexdigest()[:16]
    return name.encode()[: LONGEST - 17].decode(errors="ignore") + "-" + digest
