"""Pairs on disk: `photos/NAME.jpg` with `masks/NAME.png`, and `classes.txt` where there are several classes."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from training.data import colours
from training.data.colours import Colours
from training.data.dropped import FILE as DROPPED
from training.data.dropped import read_dropped_list
from training.data.photos import read_mask
from training.student.arrays import Pixels
from training.student.bounded_read import brief, read_text
from training.student.contract import LONGEST_NAME
from training.student.errors import BadInput, escaped
from training.student.metrics import IGNORED

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
MASK_SUFFIXES = (".png",)
LAYOUT = "photos/NAME.jpg (or .jpeg, .png, .webp) and masks/NAME.png"

# Left behind by file managers; names that begin with a dot likewise.
_LITTER = ("thumbs.db", "desktop.ini")


@dataclass(frozen=True, slots=True)
class Pair:
    """A photo and what a teacher drew on it."""

    name: str
    """The file name that both share, without its suffix."""
    photo: Path
    mask: Path
    colours: Colours | None = None
    """What the mask's colours mean; None: its values are class indices."""

    @property
    def folder(self) -> Path:
        """What holds photos/ and masks/."""
        return self.photo.parent.parent

    def read_mask(self, size: tuple[int, ...], classes: int) -> Pixels:
        """(rows, columns) of class indices.

        Args:
            size: (rows, columns, ...) of the photo.
            classes: As many as there are names.

        Raises:
            BadInput: As `photos.read_mask`.
        """
        return read_mask(self.mask, size=(size[0], size[1]), classes=classes, colours=self.colours)


@dataclass(frozen=True, slots=True)
class Pairs:
    """A folder of them, or several, sorted by name."""

    folder: Path
    classes: tuple[str, ...]
    """One name: binary masks. More: masks hold class indices, in this order."""
    pairs: tuple[Pair, ...]
    dropped: frozenset[str] = frozenset()
    """Names that the folder's `dropped.txt` lists."""
    further: tuple[Path, ...] = ()
    """Folders beside the first; see `training.data.merge`."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """All of them."""
        return self.folder, *self.further


def read_pairs(folder: Path, *, dropped: bool = False) -> Pairs:
    """The pairs of a folder, by name alone: no image is opened.

    Args:
        folder: With photos/ and masks/.
        dropped: Whether to give those that its `dropped.txt` lists as well.

    Raises:
        BadInput: The layout is another, a photo or mask stands alone or leads out of the folder, or `classes.txt`,
            `colours.txt` or `dropped.txt` is not what it should be.
    """
    for expected in (folder, folder / "photos", folder / "masks"):
        if not expected.is_dir():
            found = "is not a folder" if expected.exists() else "does not exist"
            raise BadInput(f"{expected} {found}; a folder of pairs holds {LAYOUT}")
    photos = _by_name(folder, "photos", PHOTO_SUFFIXES)
    masks = _by_name(folder, "masks", MASK_SUFFIXES)
    if not photos:
        raise BadInput(f"{folder / 'photos'} holds no photos; a folder of pairs holds {LAYOUT}")
    if alone := sorted(photos.keys() - masks.keys()):
        raise BadInput(f"{_counted(alone, 'photo')} without a mask in {folder / 'masks'}: draw one, or move it away")
    if alone := sorted(masks.keys() - photos.keys()):
        raise BadInput(f"{_counted(alone, 'mask')} without a photo in {folder / 'photos'}: add it, or move it away")
    listed = frozenset(line.name for line in read_dropped_list(folder, photos) if line.name is not None)
    if not dropped and len(listed) == len(photos):
        raise BadInput(f"{folder / DROPPED} drops all {len(photos)} photos; take some out of it")
    kept = sorted(photos if dropped else photos.keys() - listed)
    classes = read_classes(folder / "classes.txt")
    meaning = colours.read(folder / colours.FILE, classes)
    return Pairs(folder, classes, tuple(Pair(name, photos[name], masks[name], meaning) for name in kept), listed)


def _by_name(folder: Path, kind: str, suffixes: tuple[str, ...]) -> dict[str, Path]:
    files = list(_files(folder, kind, suffixes))
    # A Mac's file system spells é in two code points; a mask drawn elsewhere would not find its photo.
    names = [unicodedata.normalize("NFC", path.stem) for path in files]
    if twice := sorted(name for name, times in Counter(names).items() if times > 1):
        alike = [path.name for path, name in zip(files, names, strict=True) if name == twice[0]]
        raise BadInput(f"{folder / kind} holds {' and '.join(alike)}, {len(twice)} such in all; rename all but one")
    return dict(zip(names, files, strict=True))


def _files(folder: Path, kind: str, suffixes: tuple[str, ...]) -> Iterator[Path]:
    root = folder.resolve()
    for path in sorted((folder / kind).iterdir()):
        if path.name.startswith(".") or path.name.lower() in _LITTER:
            continue
        if not path.resolve().is_relative_to(root):
            raise BadInput(f"{path} leads out of {folder}, to {path.resolve()}; copy the file here instead")
        if not path.is_file() or path.suffix.lower() not in suffixes:
            raise BadInput(f"{path} is not a {' or '.join(suffixes)} file; convert it, or move it and its like away")
        yield path


def read_classes(path: Path) -> tuple[str, ...]:
    """The class names of a `classes.txt`; one, `foreground`, where there is none.

    Raises:
        BadInput: It is not a list of names.
    """
    if not path.exists():
        return ("foreground",)
    text = read_text(path, "expected UTF-8 text, one class name a line")
    classes = tuple(line.strip() for line in text.rstrip().splitlines())
    if odd := [number for number, name in enumerate(classes, 1) if len(name) > LONGEST_NAME or escaped(name) != name]:
        raise BadInput(
            f"{path}, line {odd[0]}, is no name: expected printable text of {LONGEST_NAME} characters at most"
        )
    if not classes:
        raise BadInput(f"{path} is empty, expected one class name a line; remove it for binary masks")
    # A mask's values count lines, so skipping an empty one would shift every class behind it.
    if "" in classes:
        raise BadInput(f"{path} has an empty line {classes.index('') + 1}, expected one class name a line; remove it")
    if twice := [name for name, times in Counter(classes).items() if times > 1]:
        raise BadInput(f"{path} names {brief(', '.join(twice))} more than once; each class needs a name of its own")
    if len(classes) > IGNORED:
        raise BadInput(f"{path} names {len(classes)} classes, at most {IGNORED} fit an 8-bit mask")
    return classes


def _counted(names: Iterable[str], kind: str) -> str:
    names = list(names)
    rest = ", …" if len(names) > 3 else ""
    return f"{len(names)} {kind}{'s' if len(names) > 1 else ''} ({', '.join(names[:3])}{rest})"
