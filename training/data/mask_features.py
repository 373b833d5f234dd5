"""Features of one mask and its photo, measured independently of other pairs; a few numbers each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.pairs import Pair, Pairs
from training.data.photos import read_photo
from training.data.thread_map import thread_map
from training.student.arrays import Pixels
from training.student.bounded_read import brief, read_json
from training.student.errors import BadInput
from training.student.metrics import IGNORED, photo_iou

SIDE = 256
"""Longer side in pixels at which borders are measured, so that raggedness does not depend on the photo's size."""

_SPECK = 0.02
"""Components smaller than this share of their class's largest one are specks."""
_NEAR, _FAR = 1.0, (3.0, 8.0)
"""Distances in pixels from the border: on it (at most), and beside it (from, to)."""


@dataclass(frozen=True, slots=True)
class MaskFeatures:
    """One pair."""

    name: str
    rows: int = 0
    columns: int = 0
    """Of the photo, upright."""
    areas: tuple[float, ...] = ()
    """For each class (for binary masks, the foreground alone): share of the pixels that are not ignored."""
    frames: tuple[float, ...] = ()
    """For each class: share of the outermost rows and columns."""
    specks: int = 0
    """Number of components and holes that are small beside the largest component."""
    raggedness: float = 0.0
    """Pixels changed by smoothing, per pixel of border; 0 for a disc, about 1 for a toothed border."""
    sharpness: float | None = None
    """Log of (the photo's contrast on the mask's border / beside it); None if there is no border."""
    score: float | None = None
    """The teacher's score, from the sidecar."""
    agreement: float | None = None
    """IoU with another teacher's mask."""
    fault: str = ""
    """Why the pair cannot be read; the other fields then keep their defaults."""

    @property
    def is_empty(self) -> bool:
        """Whether the mask shows nothing, or class 0 alone."""
        return not self.fault and not any(self.areas[1:] if len(self.areas) > 1 else self.areas)


def measure_features(pairs: Pairs, against: Pairs | None = None) -> list[MaskFeatures]:
    """Measure every pair, in order; pairs that cannot be read have a `fault`.

    Args:
        pairs: Photos and masks to read.
        against: Masks of another teacher for all or some of these photos.

    Raises:
        BadInput: The other masks have other classes, or belong to none of these photos.
    """
    others: dict[str, Pair] = {}
    if against:
        if against.classes != pairs.classes:
            found, expected = (", ".join(each.classes) for each in (against, pairs))
            raise BadInput(
                f"{against.folder} has the classes {found}, {pairs.folder} has {expected}; they must be the same"
            )
        others = {pair.name: pair for pair in against.pairs}
        if not any(pair.name in others for pair in pairs.pairs):
            raise BadInput(f"{against.folder} has no mask of any photo of {pairs.folder}")
    return thread_map(
        lambda pair: _of(pair, pairs, others.get(pair.name)), pairs.pairs, doing="measure masks", unit=" pairs"
    )


def _of(pair: Pair, pairs: Pairs, other: Pair | None) -> MaskFeatures:
    classes = len(pairs.classes)
    try:
        photo = read_photo(pair.photo)
        size = photo.shape[0], photo.shape[1]
        mask = pair.read_mask(size, classes)
        other_mask = None if other is None else other.read_mask(size, classes)
        score = _score(pairs.folder / "sidecars" / f"{pair.name}.json")
    except BadInput as error:
        return MaskFeatures(pair.name, fault=str(error))
    shown = range(1 if classes == 1 else 0, max(2, classes))
    judged = np.bincount(mask.reshape(-1), minlength=256)[:IGNORED]
    frame = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    small = shrunk_mask(mask)
    return MaskFeatures(
        name=pair.name,
        rows=size[0],
        columns=size[1],
        areas=tuple(float(judged[index]) / max(int(judged.sum()), 1) for index in shown),
        frames=tuple(float(np.mean(frame == index)) for index in shown),
        specks=sum(_specks(mask == index) for index in shown),
        raggedness=raggedness(small),
        sharpness=sharpness(photo, small),
        score=score,
        agreement=None if other_mask is None else photo_iou(reference=other_mask, candidate=mask, classes=classes),
    )


def shrunk_mask(mask: Pixels) -> Pixels:
    """The mask, shrunk to `SIDE` pixels on its longer side if it is larger."""
    shrink = SIDE / max(mask.shape)
    if shrink >= 1:
        return mask
    size = (max(1, round(mask.shape[1] * shrink)), max(1, round(mask.shape[0] * shrink)))
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def _specks(member: NDArray[np.bool_]) -> int:
    """Number of components and holes that are small beside the largest component."""
    # A bool array is stored as bytes 0 and 1.
    pieces = cv2.connectedComponentsWithStats(member.view(np.uint8), connectivity=8)[2][1:, cv2.CC_STAT_AREA]
    if not len(pieces):
        return 0
    holes = cv2.connectedComponentsWithStats((~member).view(np.uint8), connectivity=4)[2][1:, cv2.CC_STAT_AREA]
    return int(np.sum(np.concatenate([pieces, holes]) < _SPECK * pieces.max()))


def raggedness(mask: Pixels) -> float:
    """Pixels changed by a 5 × 5 median filter, per pixel of border; 0 if there is no border.

    Args:
        mask: (rows, columns) of class indices; ignored pixels count as a class.
    """
    changed = border = 0
    for index in np.flatnonzero(np.bincount(mask.reshape(-1)))[1:]:
        member = (mask == index).view(np.uint8)
        smooth = cv2.medianBlur(member, 5)
        changed += int(np.count_nonzero(member != smooth))
        border += int(np.count_nonzero(cv2.morphologyEx(smooth, cv2.MORPH_GRADIENT, _CROSS))) // 2
    return changed / border if border else float(changed > 0)


_CROSS: Any = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def sharpness(photo: Pixels, mask: Pixels) -> float | None:
    """Log of (the photo's mean gradient on the mask's border / beside it).

    If a mask is too large, too small or misplaced, its border lies where the photo is smooth, and the photo's own edges
    lie beside it.

    Args:
        photo: (rows, columns, 3) RGB.
        mask: (rows, columns) of class indices, of any size; the photo is shrunk to it.

    Returns:
        None if there is no border, or nothing beside it.
    """
    border = np.zeros(mask.shape, np.bool_)
    border[:-1] |= mask[:-1] != mask[1:]
    border[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    distance = cv2.distanceTransform((~border).view(np.uint8), cv2.DIST_L2, 3)
    on, beside = distance <= _NEAR, (distance >= _FAR[0]) & (distance <= _FAR[1])
    if not border.any() or not beside.any():
        return None
    small = cv2.resize(photo, mask.shape[::-1], interpolation=cv2.INTER_AREA)
    smooth: Any = cv2.GaussianBlur(small, (0, 0), 1).astype(np.float32)
    gradient = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)).max(axis=2)
    # The square root keeps one strong edge beside the border from outweighing a faint one on it.
    contrast = np.sqrt(gradient) + 1
    return float(np.log(contrast[on].mean() / contrast[beside].mean()))


def _score(sidecar: Path) -> float | None:
    """The teacher's score; None without a sidecar, or if the teacher gave none."""
    if not sidecar.exists():
        return None
    found = read_json(sidecar, "label the photo again")
    score = found.get("score") if isinstance(found, dict) else None
    if score is not None and not (isinstance(score, (int, float)) and 0 <= score <= 1):
        raise BadInput(f"{sidecar} has the score {brief(repr(score))}, expected a number from 0 to 1, or null")
    return score
