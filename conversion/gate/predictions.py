"""What a backend makes of a photo: its logits, its mask, and how well the mask fits the teacher mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from conversion.runtimes.runner import Runner
from training.data.pairs import Pair
from training.data.views import decode_pair
from training.student import metrics
from training.student.arrays import Floats, Pixels
from training.student.contract import Contract
from training.student.postprocess import Mask, postprocess
from training.student.preprocess import preprocess


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo that backends are compared on."""

    name: str
    path: Path
    input: Pixels
    """(height, width, 3), preprocessed."""
    teacher_mask: Mask
    """At the photo's own size."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one backend made of one photo."""

    logits: Floats
    """(channels, rows, columns)."""
    mask: Mask
    """At the photo's own size."""
    teacher_iou: float
    """IoU of the mask with the teacher mask: of the foreground, or the mean over classes."""


def prepare_photos(pairs: Sequence[Pair], contract: Contract) -> list[Photo]:
    """The inputs and teacher masks of pairs."""
    photos = []
    for pair in pairs:
        whole = decode_pair(pair, len(contract.classes))
        photos.append(Photo(pair.name, pair.photo, preprocess(whole.photo, contract), whole.teacher_mask))
    return photos


def evaluate_masks(runner: Runner, photos: Sequence[Photo], contract: Contract) -> list[Prediction]:
    """A runner's logits and masks of each photo."""
    predictions = []
    for photo in photos:
        logits = runner(photo.input)
        mask = postprocess(logits, contract, photo.teacher_mask.shape[0], photo.teacher_mask.shape[1])
        iou = metrics.photo_iou(reference=photo.teacher_mask, candidate=mask, classes=len(contract.classes))
        predictions.append(Prediction(logits, mask, iou))
    return predictions
