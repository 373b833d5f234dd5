"""How many pixels of each class the masks of a folder show, and what that lets a student learn."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data.photos import UNJUDGED
from training.student.errors import BadInput
from training.student.metrics import IGNORED

RARE = 0.01
"""A class in a smaller share of the photos, or of the pixels, is hard to learn without care."""


@dataclass(frozen=True, slots=True)
class Census:
    """Counts, mask by mask."""

    classes: tuple[str, ...]
    """One name: `counts` has background and foreground."""
    counts: Mapping[str, NDArray[np.int64]]
    """By the pair's name: (classes,) pixels of each; what nobody judged is left out."""
    ignored: int = 0
    """Pixels that nobody judged, of all masks."""

    def refuse_sameness(self, where: str) -> None:
        """Raise where there is nothing to tell apart.

        Args:
            where: The masks' folder, for the message.

        Raises:
            BadInput: All masks show one class alone, or nothing.
        """
        present = np.flatnonzero(self._total(self.counts))
        if len(present) > 1:
            return
        if not len(present):
            every = f"nothing but pixels to ignore ({UNJUDGED if len(self.classes) == 1 else IGNORED})"
        elif len(self.classes) == 1:
            every = "only foreground" if present.tolist() == [1] else "no foreground at all"
        else:
            every = f"only class {present[0]} ({self.classes[present[0]]})"
            if self.ignored:
                every += f" and pixels to ignore ({IGNORED}); if they are black and white, remove classes.txt"
        raise BadInput(f"the {len(self.counts)} masks in {where} show {every}; nothing can be learnt")

    def remarks(self, *, train: Collection[str], validation: Collection[str]) -> list[str]:
        """What the owner of the masks should know before hours are spent, a sentence each.

        Args:
            train: Names of the pairs that are learnt from.
            validation: Of those that choose the best epoch.
        """
        found = [*self._ignored_altogether(), *self._unbalanced()]
        shown = self._total(self.counts) > 0
        if missing := self._names(shown & (self._total(train) == 0)):
            found.append(f"no mask to learn from shows {missing}: the student will never say it; add photos of it")
        if missing := self._names(shown & (self._total(validation) == 0)):
            found.append(
                f"no mask to validate with shows {missing}: how well it is learnt will not be seen; add photos of it, "
                "or try another seed or more validation"
            )
        return found

    def _ignored_altogether(self) -> list[str]:
        empty = [name for name, counts in self.counts.items() if not counts.any()]
        if not empty:
            return []
        rest = ", …" if len(empty) > 3 else ""
        return [f"{len(empty)} of {len(self.counts)} masks are ignored altogether ({', '.join(empty[:3])}{rest})"]

    def _unbalanced(self) -> list[str]:
        pixels = self._total(self.counts) / max(1, self._total(self.counts).sum())
        photos = np.mean([counts > 0 for counts in self.counts.values()], axis=0)
        found = []
        if never := self._names(photos == 0):
            found.append(f"no mask shows {never}: the student will never say it; add photos of it, or leave it out")
        rare = np.flatnonzero((photos > 0) & ((photos < RARE) | (pixels < RARE)))
        if len(rare):
            said = [
                f"{self._name(i)} is in {photos[i]:.1%} of the photos and {pixels[i]:.2%} of the pixels" for i in rare
            ]
            found.append(f"unbalanced classes: {'; '.join(said)}")
        return found

    def _total(self, names: Collection[str]) -> NDArray[np.int64]:
        """(classes,) pixels of those pairs."""
        return np.asarray(np.sum([self.counts[name] for name in names], axis=0, dtype=np.int64))

    def _name(self, index: int) -> str:
        return self.classes[index] if len(self.classes) > 1 else ("background", self.classes[0])[index]

    def _names(self, which: NDArray[np.bool_]) -> str:
        return ", ".join(self._name(index) for index in np.flatnonzero(which))
