"""What every teacher keeps to: it looks at a photo once, at whatever cost, and decides from what it found, cheaply.

The two are apart so that findings can be kept: a changed threshold decides anew without looking again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from training.student.arrays import Pixels
from training.student.errors import BadInput
from training.student.metrics import IGNORED
from training.teacher.phrases import Phrase


class UnusableTeacher(BadInput):
    """A teacher that cannot work, whatever the photo: its weights are damaged, or a phrase is beyond it."""


class Settings(BaseModel):
    """The options of one teacher; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    decide_only: ClassVar[frozenset[str]] = frozenset()
    """Options that `decide` alone reads: changing one leaves findings valid."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a teacher saw on one photo, before any threshold: small, and kept on disk as it is."""

    size: tuple[int, int]
    """(rows, columns) of the photo, upright."""
    arrays: Mapping[str, NDArray[Any]]
    """By names of the teacher's own choice; no objects. Masks are packed by `numpy.packbits` along columns."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One thing that a teacher took for what it was asked for."""

    phrase: int
    """Index of the phrase."""
    box: tuple[float, float, float, float]
    """left, top, right, bottom: pixels of the upright photo, edges not centres."""
    box_score: float | None
    """The detector's, 0 to 1; None where there is no detector."""
    mask_score: float | None
    """The segmenter's, likewise."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a teacher made of one photo."""

    mask: Pixels
    """(rows, columns): 0 is background, phrase i has index i + 1, and 255 is where nobody judged."""
    instances: tuple[Instance, ...]
    """Those in the mask; none: the photo shows nothing of the kind."""
    score: float | None
    """How sure it is of the whole, 0 to 1; None where it cannot tell."""
    undecided: bool = False
    """It saw something it would not vouch for a mask of: the photo is no pair, and no negative either."""

    @property
    def empty(self) -> bool:
        """Whether the mask shows nothing of any phrase."""
        return self._highest() == 0

    def check(self, size: tuple[int, int], phrases: int) -> None:
        """See that the mask is one of that many phrases on a photo of that size.

        Raises:
            ValueError: It is not, which is the teacher's fault.
        """
        if self.mask.shape != size or self.mask.dtype != np.uint8:
            raise ValueError(f"a mask of {self.mask.shape} {self.mask.dtype}, expected {size} uint8")
        if (highest := self._highest()) > phrases:
            raise ValueError(f"a mask with value {highest}, expected 0 to {phrases}")
        # Not least, 0 and 255 is how other tools write a binary mask.
        if highest == 0 and IGNORED in self.mask and not self.undecided:
            raise ValueError(f"a mask with value {IGNORED} that shows nothing, expected one that is undecided")

    def _highest(self) -> int:
        return int(np.max(self.mask, where=self.mask != IGNORED, initial=0))


def instances_by_class(
    mask: Pixels, phrases: int, scores: Sequence[float | None] | None = None
) -> tuple[Instance, ...]:
    """One instance for each class in a mask, for teachers that tell no things apart; `scores` are of masks."""
    instances = []
    for phrase in range(phrases):
        rows, columns = (np.flatnonzero((mask == phrase + 1).any(axis=axis)) for axis in (1, 0))
        if len(rows):
            box = float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
            instances.append(Instance(phrase, box, None, scores[phrase] if scores else None))
    return tuple(instances)


class Teacher(Protocol):
    """Who draws masks on photos."""

    @property
    def name(self) -> str:
        """A key of `teachers.TEACHERS`."""

    @property
    def settings(self) -> Settings:
        """Its options."""

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        """What it looks for."""

    @property
    def weights(self) -> Mapping[str, str]:
        """What it was loaded from, repository or folder with revision, and the sha256 of each; empty without any."""

    def look(self, photos: Sequence[Pixels]) -> list[Findings]:
        """What it sees on (rows, columns, 3) upright RGB photos, of any sizes; a batch finds what each would alone.

        Raises:
            UnusableTeacher: It could look at no photo at all.
            Exception: Whatever else, of these photos alone.
        """

    def decide(self, findings: Findings) -> Decision:
        """The mask, from what it saw."""


@runtime_checkable
class ByPhoto(Protocol):
    """A teacher that goes by a photo's name, not by its pixels alone."""

    def of(self, file: str) -> Teacher:
        """The teacher of one photo alone; its `weights` name all that it reads for it, so that a change is noticed.

        Args:
            file: The photo's path within its folder, by slashes, in NFC.

        Raises:
            BadInput: It has nothing for that photo.
        """
