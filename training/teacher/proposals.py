"""Proposed boxes and masks on one photo, before any is chosen, and their form as findings on disk."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.student.arrays import Floats
from training.teacher.protocol import Findings
from training.teacher.region import Region


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """The boxes that a detector found on one photo, best first."""

    boxes: Floats
    """(N, 4) left, top, right, bottom, in pixels of the photo; edges, not centres."""
    scores: Floats
    """(N, phrases), 0 to 1: how well each phrase describes each box."""

    def best_for(self, phrase: int, threshold: float) -> NDArray[np.intp]:
        """Indices of the boxes for which this phrase has the best score, of `threshold` or more; best first."""
        scores = self.scores[:, phrase]
        mine = np.flatnonzero((self.scores.argmax(axis=1) == phrase) & (scores >= threshold))
        return mine[np.argsort(-scores[mine], kind="stable")]

    @classmethod
    def top(
        cls, boxes: Floats, scores: Floats, size: tuple[int, int], *, floor: float, most: int
    ) -> tuple["Boxes", NDArray[np.intp]]:
        """The best boxes, at most `most`, with a score of `floor` or more for some phrase, clipped to the photo.

        Returns:
            The boxes, and their indices in the input.
        """
        rows, columns = size
        boxes = boxes.clip(0, [columns, rows, columns, rows]).astype(np.float32)
        top = scores.max(axis=1, initial=0)
        full = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        order = np.argsort(-top, kind="stable")
        order = order[(full & (top >= floor))[order]][:most]
        return cls(boxes[order], scores[order].astype(np.float32)), order


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """Boxes, with several masks in each: a box may mean an object, or a part of it."""

    size: tuple[int, int]
    """(rows, columns) of the photo."""
    found: Boxes
    masks: Sequence[Sequence[Region]]
    """N × M regions."""
    mask_scores: Floats
    """(N, M), 0 to 1; NaN if the segmenter gives no scores."""

    def to_findings(self) -> Findings:
        """As findings: one bit per pixel, only for the bounding box of each mask."""
        regions = [region for masks in self.masks for region in masks]
        windows = np.array([(one.left, one.top, *one.bits.shape) for one in regions], np.int32).reshape(-1, 4)
        packed = [np.packbits(one.bits, axis=1).reshape(-1) for one in regions]
        arrays = {
            "boxes": self.found.boxes,
            "box_scores": self.found.scores,
            "mask_scores": self.mask_scores.astype(np.float32),
            "windows": windows,
            "bits": np.concatenate([*packed, np.zeros(0, np.uint8)]),
        }
        return Findings(self.size, arrays)

    @classmethod
    def from_findings(cls, findings: Findings) -> "Proposals":
        """The proposals that `to_findings` stored."""
        arrays = findings.arrays
        regions, start = [], 0
        for left, top, rows, columns in arrays["windows"].tolist():
            length = rows * -(-columns // 8)
            packed = arrays["bits"][start : start + length].reshape(rows, -(-columns // 8))
            bits = np.unpackbits(packed, axis=1, count=columns).astype(bool) if columns else np.zeros((0, 0), bool)
            regions.append(Region(left, top, bits))
            start += length
        scores = arrays["mask_scores"]
        number, each = scores.shape
        masks = [regions[index * each : (index + 1) * each] for index in range(number)]
        return cls(findings.size, Boxes(arrays["boxes"], arrays["box_scores"]), masks, scores)
