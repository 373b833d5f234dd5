"""Evaluation of a student: against the teacher's masks, against people's masks, and under other conditions."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from training.data import colours, failure_sheet
from training.data.failure_sheet import Failure
from training.data.pairs import Pair
from training.data.views import decode_pair
from training.evaluation.calibration import Calibration
from training.evaluation.robustness import Robustness
from training.evaluation.segmentation_metrics import SegmentationMetrics
from training.student.checkpoint import Checkpoint
from training.student.errors import BadInput
from training.student.network import infer_logits
from training.student.postprocess import decide, upsample
from training.student.preprocess import preprocess


@dataclass(frozen=True, slots=True)
class MaskComparison:
    """Masks compared with reference masks: metrics, and calibration of the probabilities."""

    metrics: SegmentationMetrics
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """All that an evaluation accumulated."""

    classes: tuple[str, ...]
    teacher: MaskComparison
    people: MaskComparison | None
    """None where no mask is a person's."""
    teacher_by_people: SegmentationMetrics | None
    """The teacher's masks compared with people's."""
    robustness: Robustness | None
    """None if it was not measured."""
    worst: tuple[Failure, ...]
    """The photos with the lowest IoU against the teacher's masks, lowest first."""


@torch.inference_mode()
def evaluate(
    checkpoint: Checkpoint, pairs: Sequence[Pair], people: Mapping[str, Pair], *, robustness: bool, worst: int
) -> EvaluationResult:
    """Evaluate a student on pairs. Only numbers of each photo are kept, and the masks of the worst ones.

    Args:
        checkpoint: The student.
        pairs: With masks of the student's classes.
        people: By name: some or all of the photos with masks that people drew.
        robustness: Whether to measure all of `conditions` as well.
        worst: How many of the worst photos to keep.

    Raises:
        BadInput: A file cannot be read.
    """
    contract, student = checkpoint.contract, checkpoint.student
    count = len(contract.classes)
    teacher, person = (MaskComparison(SegmentationMetrics(contract.classes), Calibration()) for _ in range(2))
    teacher_by_people = SegmentationMetrics(contract.classes)
    spoilt = Robustness(student, contract) if robustness else None
    failures: list[Failure] = []
    for pair in tqdm(pairs, desc="evaluate", unit=" photos", leave=False, disable=None):
        whole = decode_pair(pair, count)
        logits = infer_logits(student, preprocess(whole.photo, contract))
        upsampled = upsample(logits, *whole.teacher_mask.shape)
        mask = decide(upsampled, contract)
        row = teacher.metrics.add(pair.name, reference=whole.teacher_mask, candidate=mask)
        teacher.calibration.add(upsampled, whole.teacher_mask)
        failures = failure_sheet.worst_failures([*failures, Failure(row.iou, pair, mask)], worst)
        if pair.name in people:
            drawn = people[pair.name].read_mask(whole.photo.shape, count)
            person.metrics.add(pair.name, reference=drawn, candidate=mask)
            person.calibration.add(upsampled, drawn)
            teacher_by_people.add(pair.name, reference=drawn, candidate=whole.teacher_mask)
        if spoilt:
            spoilt.add(pair.name, whole.photo, whole.teacher_mask)
    return EvaluationResult(
        contract.classes,
        teacher,
        person if person.metrics.rows else None,
        teacher_by_people if person.metrics.rows else None,
        spoilt,
        tuple(failures),
    )


def pairs_with_human_masks(folder: Path, pairs: Sequence[Pair], classes: tuple[str, ...]) -> dict[str, Pair]:
    """The pairs for which people drew a mask, with that mask in place of the teacher's, by name.

    Args:
        folder: Masks, NAME.png each, or pairs; for coloured masks, colours.txt lies in it or beside it.
        pairs: The photos.
        classes: Of the pairs.

    Raises:
        BadInput: It holds a mask for none of the photos.
    """
    root = folder / "masks" if (folder / "masks").is_dir() else folder
    listed = next((place for place in (root, root.parent) if (place / colours.FILE).exists()), root)
    meaning = colours.read(listed / colours.FILE, classes)
    found = {
        pair.name: dataclasses.replace(pair, mask=root / f"{pair.name}.png", colours=meaning)
        for pair in pairs
        if (root / f"{pair.name}.png").is_file()
    }
    if not found:
        raise BadInput(f"{root} holds no mask of any of the {len(pairs)} photos; expected such as {pairs[0].name}.png")
    return found
