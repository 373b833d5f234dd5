"""The teacher `agreement`: combines the masks of two teachers. Pixels on which they differ are ignored.

Different kinds of teachers make different mistakes, so pixels on which both agree are right more often. Photos with a
low IoU between both masks are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from training.data.pairs import Pair, read_pairs
from training.student.arrays import Pixels
from training.student.digest import sha256
from training.student.errors import BadInput
from training.student.metrics import IGNORED, photo_iou
from training.teacher.labelled_folder import LabelledFolder
from training.teacher.phrases import Phrase, check_classes, class_names
from training.teacher.protocol import Decision, Findings, Settings, Teacher, instances_by_class


class Options(Settings):
    """Which folders to combine, and the least IoU."""

    decide_only: ClassVar[frozenset[str]] = frozenset({"least"})

    of: tuple[str, str]
    """Two folders that `label` made from the same photos; photos in their `dropped.txt` are left out."""
    least: Annotated[float, Field(ge=0, le=1)] = 0.7
    """Photos whose two masks have a lower IoU are left out."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two labelled folders, or the two masks of a photo."""

    settings: Options
    phrases: tuple[Phrase, ...]
    folders: tuple[Mapping[str, Pair], ...]
    """The pairs of each folder, by the photo's file name in the sidecar."""
    pairs: tuple[Pair, ...] = ()
    weights: Mapping[str, str] = field(default_factory=dict)
    name: str = "agreement"

    def of(self, file: str) -> Teacher:
        """The teacher for one photo. Its weights are the digests of both masks; a mask that is missing is left out."""
        pairs = tuple(folder[file] for folder in self.folders if file in folder)
        digests = {str(pair.mask): sha256(pair.mask) for pair in pairs}
        return replace(self, pairs=pairs, weights=digests)

    def look(self, photos: Sequence[Pixels]) -> list[Findings]:
        """Read both masks of one photo as class indices.

        Raises:
            BadInput: A mask is damaged, has another size than the photo, or has values that are not classes.
        """
        (photo,) = photos
        size, count = (photo.shape[0], photo.shape[1]), len(class_names(self.phrases))
        both = zip(("one", "other"), self.pairs, strict=False)
        return [Findings(size, {key: pair.read_mask(size, count) for key, pair in both})]

    def decide(self, findings: Findings) -> Decision:
        """Combine both masks; undecided if their IoU is too low, or if one folder has no mask of the photo."""
        if len(findings.arrays) < 2:
            return Decision(np.full(findings.size, IGNORED, np.uint8), (), None, undecided=True)
        one, other = findings.arrays["one"], findings.arrays["other"]
        judged = np.where(one == IGNORED, IGNORED, other)
        iou = photo_iou(reference=judged, candidate=one, classes=len(class_names(self.phrases)))
        mask = np.where(one == other, one, np.uint8(IGNORED))
        instances = instances_by_class(mask, len(self.phrases), [iou] * len(self.phrases))
        doubtful = iou < self.settings.least or (not instances and IGNORED in mask)
        return Decision(mask, instances, iou, undecided=doubtful)


def build(options: Options, phrases: tuple[Phrase, ...], weights: str | None, device: str) -> Agreement:
    """Make the teacher; it takes neither weights nor a device.

    Raises:
        BadInput: A folder was not made by `label`, or its classes differ from the phrases.
    """
    if weights:
        raise BadInput("agreement takes no --weights; name two labelled folders with of=[FOLDER,FOLDER]")
    return Agreement(options, phrases, tuple(_pairs(Path(folder), phrases) for folder in options.of))


def _pairs(folder: Path, phrases: tuple[Phrase, ...]) -> Mapping[str, Pair]:
    pairs, labelled = read_pairs(folder), LabelledFolder(folder)
    check_classes(phrases, pairs.classes, str(folder))
    sidecars = [(labelled.sidecar(pair.name), pair) for pair in pairs.pairs]
    found = {sidecar.photo.file: pair for sidecar, pair in sidecars if sidecar}
    if not found:
        raise BadInput(
            f"{folder} has no sidecars; make it with `python -m training label` (for masks: --teacher masks)"
        )
    return found
