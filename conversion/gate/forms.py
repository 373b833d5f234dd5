"""The forms of a student: one file in one runtime each, and what a form makes of a photo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from conversion.artefact.kinds import KINDS
from conversion.runtimes.runner import RUNTIMES, Runner
from training.data.pairs import Pair
from training.data.views import decode_pair
from training.student import metrics
from training.student.contract import Contract
from training.student.postprocess import Mask, postprocess
from training.student.preprocess import preprocess


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which a student runs."""

    kind: str
    """A key of `artefact.KINDS`; empty for the checkpoint."""
    runtime: str
    """A key of `runner.RUNTIMES`."""

    def open(self, checkpoint: Path, export: Path) -> Runner:
        """The runner of this form of a run.

        Raises:
            BadInput: Its file is missing or damaged.
        """
        return RUNTIMES[self.runtime](export / KINDS[self.kind].file if self.kind else checkpoint)


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "torch": Form("", "torch"),
        "onnx-exported": Form("onnx-exported", "onnxruntime"),
        "onnx": Form("onnx", "onnxruntime"),
        "tflite-fp32": Form("tflite-fp32", "litert"),
        "tflite-fp32-reference": Form("tflite-fp32", "litert-reference"),
        "tflite-fp32-old": Form("tflite-fp32", "tflite-runtime"),
        "tflite-fp16": Form("tflite-fp16", "litert"),
        "tflite-fp16-old": Form("tflite-fp16", "tflite-runtime"),
        "tflite-w8": Form("tflite-w8", "litert"),
        "tflite-w8-old": Form("tflite-w8", "tflite-runtime"),
        "tflite-int8": Form("tflite-int8", "litert"),
        "tflite-int8-reference": Form("tflite-int8", "litert-reference"),
        "tflite-int8-old": Form("tflite-int8", "tflite-runtime"),
        "tflite-int16": Form("tflite-int16", "litert"),
        "coreml-fp32": Form("coreml-fp32", "coreml-executor"),
        "coreml-fp16": Form("coreml-fp16", "coreml-executor-fp16"),
        "coreml-fp16-mac": Form("coreml-fp16", "coreml"),
        "coreml-w8": Form("coreml-w8", "coreml-executor-fp16"),
        "coreml-w8-mac": Form("coreml-w8", "coreml"),
        "coreml-p6": Form("coreml-p6", "coreml-executor-fp16"),
        "coreml-p6-mac": Form("coreml-p6", "coreml"),
        "coreml-p4": Form("coreml-p4", "coreml-executor-fp16"),
        "coreml-p4-mac": Form("coreml-p4", "coreml"),
    }
)


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo that forms are compared on."""

    name: str
    path: Path
    input: NDArray[np.uint8]
    """(height, width, 3), preprocessed."""
    teacher_mask: Mask
    """At the photo's own size."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one form made of one photo."""

    logits: NDArray[np.float32]
    """(channels, rows, columns)."""
    mask: Mask
    """At the photo's own size."""
    teacher_iou: float
    """IoU of the mask with the teacher mask: of the foreground, or the mean over classes."""


def prepare(pairs: Sequence[Pair], contract: Contract) -> list[Photo]:
    """The inputs and teacher masks of pairs."""
    photos = []
    for pair in pairs:
        whole = decode_pair(pair, len(contract.classes))
        photos.append(Photo(pair.name, pair.photo, preprocess(whole.photo, contract), whole.teacher_mask))
    return photos


def evaluate_masks(runner: Runner, photos: Sequence[Photo], contract: Contract) -> list[Prediction]:
    """What a runner makes of each photo."""
    seen = []
    for photo in photos:
        logits = runner(photo.input)
        mask = postprocess(logits, contract, photo.teacher_mask.shape[0], photo.teacher_mask.shape[1])
        iou = metrics.photo_iou(reference=photo.teacher_mask, candidate=mask, classes=len(contract.classes))
        seen.append(Prediction(logits, mask, iou))
    return seen
