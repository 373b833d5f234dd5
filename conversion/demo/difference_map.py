"""Draws where the logits of two artefacts differ on a photo, magnified so that it can be seen."""

from dataclasses import dataclass

import cv2
import numpy as np

from training.student.arrays import Floats, Pixels
from training.student.contract import Contract
from training.student.metrics import photo_iou
from training.student.postprocess import decide, upsample

LOWER, HIGHER, FLIPPED = (0, 114, 178), (230, 159, 0), (255, 0, 80)
"""RGB colours: the candidate's logit is lower, it is higher, the pixel's class changes."""


@dataclass(frozen=True, slots=True)
class DifferenceMap:
    """How a candidate differs from a reference on one photo."""

    picture: Pixels
    """(rows, columns, 3) RGB: the photo, faded and grey, with the differences in the colours above."""
    largest: float
    """The largest absolute difference, in logits."""
    flips: float
    """The share of pixels whose class changes, 0 to 1."""
    iou: float
    """IoU of the two masks, as `metrics.photo_iou`."""


def draw_difference_map(
    photo: Pixels, *, reference: Floats, candidate: Floats, contract: Contract, magnification: float
) -> DifferenceMap:
    """Compare a candidate's logits with a reference's, at the photo's size.

    Args:
        photo: (rows, columns, 3) RGB, of the size to draw at.
        reference: (channels, rows, columns) logits.
        candidate: Logits of the same shape.
        contract: The contract of both.
        magnification: A difference of 1 / this logits gets the full colour. Pixels whose class changes are drawn 5 × 5
            pixels large, so that a single one can be seen.
    """
    before, after = (upsample(one.astype(np.float32, copy=False), *photo.shape[:2]) for one in (reference, candidate))
    masks = decide(before, contract), decide(after, contract)
    change = after - before
    # With several classes, the one that changes most.
    largest = np.take_along_axis(change, np.abs(change).argmax(axis=0)[None], axis=0)[0]
    strength = np.minimum(np.abs(np.nan_to_num(largest, nan=np.inf)) * magnification, 1)[..., None]
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None] * 0.35 + 150
    colour = np.where(largest[..., None] > 0, np.array(HIGHER, np.float32), np.array(LOWER, np.float32))
    picture = grey + (colour - grey) * strength
    flipped = masks[0] != masks[1]
    picture[cv2.dilate(flipped.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0] = FLIPPED
    return DifferenceMap(
        np.rint(picture).astype(np.uint8),
        float(np.abs(change).max()),
        float(flipped.mean()),
        photo_iou(reference=masks[0], candidate=masks[1], classes=len(contract.classes)),
    )
