"""Instances in the masks of pairs. `adapt` prompts a segmenter with their boxes and trains it on their masks."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.pairs import Pair
from training.data.photos import read_photo
from training.student.arrays import Floats
from training.student.metrics import IGNORED
from training.teacher.region import Region, connected_components

Frame = tuple[tuple[int, int], tuple[int, int]]
"""(rows, columns) of the photo within a network's input, and (rows, columns) of the padded input."""


@dataclass(frozen=True, slots=True, eq=False)
class MaskInstance:
    """One connected component of one class on one photo."""

    region: Region
    valid: NDArray[np.bool_]
    """(rows, columns) of the photo: False where the mask is ignored."""


def mask_instances(pair: Pair, classes: int, smallest: float) -> list[MaskInstance]:
    """The instances in the mask of a pair.

    Args:
        pair: The photo and its mask.
        classes: How many classes the masks have; 1 for binary masks.
        smallest: Components smaller than this share of their class's area are left out.
    """
    mask = pair.read_mask(read_photo(pair.photo).shape, classes)
    valid = mask != IGNORED
    found = []
    for value in sorted(set(np.unique(mask[valid]).tolist()) - {0}):
        whole = Region.from_mask(mask == value)
        found += [
            MaskInstance(part, valid) for part in connected_components(whole) if part.area >= smallest * whole.area
        ]
    return found


def jittered_box(instance: MaskInstance, jitter: float, rng: np.random.Generator) -> Floats:
    """(1, 4): the instance's box, with each edge moved at random by up to `jitter` of the box, within the photo."""
    left, top, right, bottom = instance.region.box
    rows, columns = instance.valid.shape
    sides = np.array([right - left, bottom - top] * 2)
    moved = np.array(instance.region.box) + rng.uniform(-jitter, jitter, 4) * sides
    cut: Floats = moved.clip(0, [columns, rows, columns, rows])[None].astype(np.float32)
    return cut


def target_and_weight(instance: MaskInstance, frame: Frame, size: Sequence[int]) -> tuple[Floats, Floats]:
    """The target of each logit and its weight, which is 0 in the padding and where the mask is ignored.

    Args:
        instance: The instance to segment.
        frame: Where the photo is within the network's input.
        size: (rows, columns) of the logits.
    """
    whole = np.zeros(instance.valid.shape, np.uint8)
    instance.region.paint(whole, 1)
    shown, counts = (_resized_target(one, frame, size) for one in (whole, instance.valid))
    return shown, counts


def _resized_target(values: NDArray[np.uint8] | NDArray[np.bool_], frame: Frame, size: Sequence[int]) -> Floats:
    (rows, columns), (height, width) = frame
    canvas = np.zeros((height, width), np.float32)
    canvas[:rows, :columns] = cv2.resize(values.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(canvas, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.float32)


def instance_iou(instance: MaskInstance, drawn: Region) -> float:
    """Intersection over union of an instance and a predicted mask; ignored pixels do not count."""
    canvas = np.zeros((2, *instance.valid.shape), np.uint8)
    instance.region.paint(canvas[0], 1)
    drawn.paint(canvas[1], 1)
    ours, theirs = (canvas > 0) & instance.valid
    return float((ours & theirs).sum() / max(1, (ours | theirs).sum()))
