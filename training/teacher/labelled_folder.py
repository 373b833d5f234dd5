"""A labelled folder: a folder of pairs, each with a sidecar that says how its mask was made.

    photos/NAME.jpg  masks/NAME.png  sidecars/NAME.json  classes.txt  findings/

A pair's sidecar is written last and removed first: where it exists, photo and mask are complete.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from training.data.pairs import PHOTO_SUFFIXES
from training.data.photos import levels_of
from training.student.arrays import Pixels
from training.student.atomic_write import atomic_path, write_text
from training.student.bounded_read import read_text
from training.student.digest import sha256
from training.student.errors import BadInput
from training.student.exhaustion import exhausted
from training.student.temporary import sweep
from training.teacher import sidecar
from training.teacher.cache import FindingsCache
from training.teacher.sidecar import Sidecar
from training.teacher.sources import Source


@dataclass(frozen=True, slots=True)
class LabelledFolder:
    """The folder for the masks of a teacher."""

    folder: Path
    keep_empty: bool = True
    """Whether photos that show nothing become pairs; if not, they still get a sidecar."""

    @property
    def cache(self) -> FindingsCache:
        """The cached findings."""
        return FindingsCache(self.folder / "findings")

    def prepare(self, classes: tuple[str, ...]) -> None:
        """Create the folder, or check that it has these classes, and remove what killed jobs left.

        Raises:
            BadInput: It holds other files or other classes, or cannot be written to.
        """
        with _writing(self.folder):
            sidecars = self.folder / "sidecars"
            if self.folder.exists() and not sidecars.is_dir() and any(self.folder.iterdir()):
                raise BadInput(f"{self.folder} is not empty and was not made by `label`; choose another folder")
            # Create this one first, so that another process started beside this one recognises the folder.
            sidecars.mkdir(parents=True, exist_ok=True)
            lines = "".join(f"{name}\n" for name in classes)
            path = self.folder / "classes.txt"
            found = read_text(path, "delete it, or choose another folder") if path.exists() else ""
            if found != lines:
                # If an earlier job ended before its first mask, other phrases are fine.
                if found and any(any((self.folder / kind).glob("[!.]*")) for kind in ("masks", "sidecars")):
                    raise BadInput(
                        f"{self.folder} holds masks of {', '.join(found.splitlines())}, these phrases make "
                        f"{', '.join(classes)}; choose another folder, or delete it"
                    )
                write_text(path, lines)
            for kind in ("photos", "masks", "sidecars", "findings"):
                (self.folder / kind).mkdir(exist_ok=True)
            for place in (self.folder, *self.folder.glob("*/"), *self.folder.glob("findings/??/")):
                sweep(place)

    def names(self) -> set[str]:
        """Names of all photos that have a sidecar."""
        return {path.stem for path in (self.folder / "sidecars").glob("[!.]*.json")}

    def sidecar(self, name: str) -> Sidecar | None:
        """The sidecar of a photo; None if it is missing or damaged."""
        try:
            return sidecar.read_sidecar(self._sidecar(name))
        except BadInput:
            return None

    def is_complete(self, source: Source, found: Sidecar) -> bool:
        """Whether photo and mask exist, or neither does if the photo should be left out."""
        present = [path.is_file() for path in (self._photo(source), self._mask(source.name))]
        return not any(present) if self._leaves_out(found) else all(present)

    def is_edited(self, source: Source, found: Sidecar) -> bool:
        """Whether somebody edited the mask by hand; such masks are never overwritten."""
        mask = self._mask(source.name)
        return found.mask is not None and mask.is_file() and sha256(mask) != found.mask

    def write_pair(self, source: Source, mask: Pixels, about: Sidecar) -> None:
        """Write a pair and its sidecar, replacing what was there.

        Args:
            source: The photo. It is hard-linked, or copied if that is not possible.
            mask: (rows, columns) of class indices.
            about: Its sidecar.

        Raises:
            BadInput: The folder cannot be written to, or its disk is full.
        """
        with _writing(self.folder):
            self._sidecar(source.name).unlink(missing_ok=True)
            if self._leaves_out(about):
                self._clear(source.name)
            else:
                self._take(source)
                levels = levels_of(mask, binary=len(about.phrases) == 1)
                with atomic_path(self._mask(source.name)) as temporary:
                    Image.fromarray(levels).save(temporary, format="PNG")
                about = about.model_copy(update={"mask": sha256(self._mask(source.name))})
            about.write(self._sidecar(source.name))

    def remove_partial(self, source: Source) -> None:
        """Remove an incomplete pair that a killed job left, when its photo turns out unusable."""
        with _writing(self.folder):
            if not self._sidecar(source.name).exists():
                self._clear(source.name)

    def _leaves_out(self, about: Sidecar) -> bool:
        return about.undecided or (about.empty and not self.keep_empty)

    def _take(self, source: Source) -> None:
        photo = self._photo(source)
        if not (photo.exists() and photo.samefile(source.path)):
            self._clear(source.name)
            try:
                os.link(source.path.resolve(), photo)
            except OSError:
                with atomic_path(photo) as temporary:
                    shutil.copyfile(source.path, temporary)

    def _clear(self, name: str) -> None:
        for suffix in PHOTO_SUFFIXES:
            (self.folder / "photos" / f"{name}{suffix}").unlink(missing_ok=True)
        self._mask(name).unlink(missing_ok=True)

    def _photo(self, source: Source) -> Path:
        return self.folder / "photos" / f"{source.name}{source.path.suffix.lower()}"

    def _mask(self, name: str) -> Path:
        return self.folder / "masks" / f"{name}.png"

    def _sidecar(self, name: str) -> Path:
        return self.folder / "sidecars" / f"{name}.json"


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        cannot = BadInput(f"cannot write to {folder}: {error.strerror or error}; choose another folder")
        raise exhausted(error, folder) or cannot from error
