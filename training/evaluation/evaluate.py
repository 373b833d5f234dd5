"""A student judged on pairs: by the teacher's masks, by people's where there are some, and as photos are spoilt."""

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
    """The student's masks held against somebody's."""

    metrics: SegmentationMetrics
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """All that an evaluation collected."""

    classes: tuple[str, ...]
    teacher: MaskComparison
    people: MaskComparison | None
    """None where no mask is a person's."""
    teacher_by_people: SegmentationMetrics | None
    """The teacher's masks held against people's."""
    robustness: Robustness | None
    """None where it was not asked for."""
    worst: tuple[Failure, ...]
    """By the teacher's masks, worst first."""


@torch.inference_mode()
def evaluate(
    checkpoint: Checkpoint, pairs: Sequence[Pair], people: Mapping[str, Pair], *, robustness: bool, worst: int
) -> EvaluationResult:
    """Let a student draw on all pairs; of each photo only numbers are kept, and the masks of the worst.

    Args:
        checkpoint: The student.
        pairs: With masks of the student's classes.
        people: By name: the same photos with masks that people drew, or some of them.
        robustness: Whether to spoil the photos in every way of `conditions` as well.
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
    """The pairs of which people drew a mask, with that mask in the teacher's place, by name.

    Args:
        folder: Of masks, NAME.png each, or of pairs; coloured ones have their colours.txt beside it or in it.
        pairs: Whose photos they are of.
        classes: As the pairs'.

    Raises:
        BadInput: It holds no mask of any of them.
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
