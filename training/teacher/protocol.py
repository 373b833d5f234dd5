"""The protocol of every teacher: `look` runs the expensive part on a photo, `decide` makes the mask from the result.

They are separate so that the result of `look` can be cached: after a change of threshold only `decide` runs again.
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
    """A teacher that fails on every photo: its weights are damaged, or it cannot handle a phrase."""


class Settings(BaseModel):
    """Base class of the options of a teacher; unknown options are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    decide_only: ClassVar[frozenset[str]] = frozenset()
    """Names of the options that only `decide` reads: cached findings stay valid when one of them changes."""


@dataclass(frozen=True, slots=True)
class Findings:
    """The result of `look` on one photo, before any threshold. It is small, and is cached on disk."""

    size: tuple[int, int]
    """(rows, columns) of the photo, EXIF orientation applied."""
    arrays: Mapping[str, NDArray[Any]]
    """By name; each teacher chooses its names. No object arrays. Masks are packed by `numpy.packbits` along columns."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One object that a teacher found for a phrase."""

    phrase: int
    """Index of the phrase."""
    box: tuple[float, float, float, float]
    """left, top, right, bottom in pixels of the upright photo; edges of pixels, not centres."""
    box_score: float | None
    """The detector's score, 0 to 1; None if the teacher has no detector."""
    mask_score: float | None
    """The segmenter's score, 0 to 1; None if it gives none."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of `decide` on one photo."""

    mask: Pixels
    """(rows, columns): 0 is background, i + 1 is phrase i, and 255 is ignored."""
    instances: tuple[Instance, ...]
    """The objects in the mask; empty if the photo shows none."""
    score: float | None
    """Confidence in the whole mask, 0 to 1; None if the teacher cannot tell."""
    undecided: bool = False
    """The teacher found something but does not trust the mask: the photo becomes neither a pair nor a negative."""

    @property
    def empty(self) -> bool:
        """Whether the mask is all background or ignored."""
        return self._highest() == 0

    def check(self, size: tuple[int, int], phrases: int) -> None:
        """Check the mask's shape, type and values.

        Args:
            size: (rows, columns) of the photo.
            phrases: How many phrases the teacher was given.

        Raises:
            ValueError: The mask does not fit: a bug in the teacher.
        """
        if self.mask.shape != size or self.mask.dtype != np.uint8:
            raise ValueError(f"a mask of {self.mask.shape} {self.mask.dtype}, expected {size} uint8")
        if (highest := self._highest()) > phrases:
            raise ValueError(f"a mask with value {highest}, expected 0 to {phrases}")
        # Among other causes: other tools write a binary mask as 0 and 255.
        if highest == 0 and IGNORED in self.mask and not self.undecided:
            raise ValueError(f"a mask with value {IGNORED} that shows nothing, expected one that is undecided")

    def _highest(self) -> int:
        return int(np.max(self.mask, where=self.mask != IGNORED, initial=0))


def instances_by_class(
    mask: Pixels, phrases: int, scores: Sequence[float | None] | None = None
) -> tuple[Instance, ...]:
    """One instance for each class in a mask, for teachers that do not separate objects.

    Args:
        mask: (rows, columns) of class indices.
        phrases: How many phrases there are.
        scores: The mask score of each phrase.
    """
    instances = []
    for phrase in range(phrases):
        rows, columns = (np.flatnonzero((mask == phrase + 1).any(axis=axis)) for axis in (1, 0))
        if len(rows):
            box = float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
            instances.append(Instance(phrase, box, None, scores[phrase] if scores else None))
    return tuple(instances)


class Teacher(Protocol):
    """Draws masks on photos."""

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
        """Where its weights came from (repository or folder, with revision) and each file's SHA-256; may be empty."""

    def look(self, photos: Sequence[Pixels]) -> list[Findings]:
        """Run the model on (rows, columns, 3) upright RGB photos of any sizes. Batching does not change the result.

        Raises:
            UnusableTeacher: The teacher cannot look at any photo; the job ends.
            Exception: Any other error counts against these photos alone.
        """

    def decide(self, findings: Findings) -> Decision:
        """Make the mask from the result of `look`."""


@runtime_checkable
class ByPhoto(Protocol):
    """A teacher that needs the photo's file name, not only its pixels."""

    def of(self, file: str) -> Teacher:
        """The teacher for one photo. Its `weights` list every file that it reads for it, so that a change is noticed.

        Args:
            file: The photo's path within its folder, with slashes, in NFC.

        Raises:
            BadInput: It has nothing for that photo.
        """
