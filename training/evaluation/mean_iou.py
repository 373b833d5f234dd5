"""Mean IoU of a student's masks against the teacher's: the one metric of validation, and cheap."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from training.data.pairs import Pairs
from training.data.views import decode_pair
from training.student import metrics
from training.student.arrays import Floats
from training.student.checkpoint import Checkpoint
from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.network import infer_logits
from training.student.postprocess import postprocess
from training.student.preprocess import preprocess


@dataclass(frozen=True, slots=True)
class IoUResult:
    """IoU of masks against teacher masks."""

    mean: float
    """Over photos for a binary student, over classes otherwise."""
    by_photo: dict[str, float]
    """Of the foreground, or the mean over the classes that the photo shows."""

    @property
    def photos(self) -> int:
        """Number of photos."""
        return len(self.by_photo)

    def worst(self, count: int) -> list[tuple[str, float]]:
        """The photos with the lowest IoU, lowest first."""
        return sorted(self.by_photo.items(), key=lambda entry: entry[1])[:count]


class MeanIoU:
    """Accumulates the IoU of logits against teacher masks, each photo at its own size."""

    def __init__(self, contract: Contract) -> None:
        """For logits of `contract`."""
        self._contract = contract
        self._classes = len(contract.classes)
        self._by_photo: dict[str, float] = {}
        self._counts = np.zeros((self._classes, self._classes), np.int64)

    def add(self, name: str, logits: Floats, teacher_mask: NDArray[np.uint8]) -> None:
        """Add a photo: (channels, rows, columns) logits, and (H, W) class indices of its teacher mask."""
        mask = postprocess(logits, self._contract, *teacher_mask.shape)
        self._by_photo[name] = metrics.photo_iou(reference=teacher_mask, candidate=mask, classes=self._classes)
        if not self._contract.is_binary:
            self._counts += metrics.confusion(reference=teacher_mask, candidate=mask, classes=self._classes)

    def merge(self, other: "MeanIoU") -> None:
        """Add the photos of another process; names are sorted, so that the order does not depend on the process."""
        self._by_photo = dict(sorted((self._by_photo | other._by_photo).items()))
        self._counts = self._counts + other._counts

    def compute(self) -> IoUResult:
        """Mean IoU of all photos that were added."""
        if self._contract.is_binary:
            mean = np.mean(list(self._by_photo.values()))
        else:
            by_class = metrics.iou(self._counts)
            # Where nothing was judged nothing is wrong.
            mean = np.float64(1) if np.isnan(by_class).all() else np.nanmean(by_class)
        return IoUResult(float(mean), dict(self._by_photo))


def measure_iou(checkpoint: Checkpoint, data: Pairs) -> IoUResult:
    """Measure a student's IoU on every pair of a folder.

    Raises:
        BadInput: The folder's classes are others than the student's.
    """
    refuse_other_classes(checkpoint.contract, data)
    return measure_network_iou(checkpoint.student, checkpoint.contract, data)


def refuse_other_classes(contract: Contract, data: Pairs) -> None:
    """Raise unless a folder's masks have the student's classes. With one class each, the name makes no difference.

    Raises:
        BadInput: They have other classes.
    """
    binary = contract.is_binary and len(data.classes) == 1
    if data.classes != contract.classes and not binary:
        found, expected = (", ".join(classes) for classes in (data.classes, contract.classes))
        raise BadInput(f"{data.folder} has the classes {found}, the student knows {expected}; judge it on those")


@torch.inference_mode()
def measure_network_iou(network: nn.Module, contract: Contract, data: Pairs) -> IoUResult:
    """Measure the IoU of any network that keeps the contract."""
    mean_iou = MeanIoU(contract)
    for pair in tqdm(data.pairs, desc="evaluate", unit="photo", leave=False):
        whole = decode_pair(pair, len(contract.classes))
        logits = infer_logits(network, preprocess(whole.photo, contract))
        mean_iou.add(pair.name, logits, whole.teacher_mask)
    return mean_iou.compute()
