"""The teacher `student`: uses the student of a finished run as a teacher.

A large student can teach a small one, and a student trained on rendered photos can label real ones. Speed does not
matter, so it averages over mirrored and rotated copies of a photo. Uncertain pixels can be ignored.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from training.run import Run
from training.student.arrays import Floats, Pixels
from training.student.checkpoint import Checkpoint, load_checkpoint
from training.student.digest import sha256
from training.student.errors import BadInput
from training.student.metrics import IGNORED
from training.student.postprocess import postprocess, upsample
from training.student.preprocess import preprocess
from training.teacher.model import resolve_device
from training.teacher.phrases import Phrase, check_classes
from training.teacher.protocol import Decision, Findings, Settings, instances_by_class

Copies = Literal["one", "mirror", "any"]

_COPIES: Mapping[Copies, tuple[tuple[int, int], ...]] = {
    "one": ((1, 0),),
    "mirror": ((1, 0), (-1, 0)),
    "any": tuple((step, quarters) for step in (1, -1) for quarters in range(4)),
}
"""Step through the columns (-1 mirrors), then number of quarter turns."""


class Options(Settings):
    """Which copies it averages over, and which pixels it ignores."""

    decide_only: ClassVar[frozenset[str]] = frozenset({"sure"})

    copies: Copies = "mirror"
    """Copies whose logits are averaged: the photo alone, also its mirror image, or all eight rotated and mirrored."""
    sure: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Pixels whose best class has a lower probability are ignored; at 0 none is."""


class Student:
    """The checkpoint of a finished run."""

    name = "student"

    def __init__(
        self, options: Options, phrases: tuple[Phrase, ...], checkpoint: Checkpoint, origin: Mapping[str, str]
    ):
        """Take a checkpoint; `origin` is the run's folder, with the checkpoint's digest.

        Raises:
            BadInput: The student's classes differ from the phrases.
        """
        check_classes(phrases, checkpoint.contract.classes, next(iter(origin)))
        self.settings = options
        self.phrases = phrases
        self.weights = origin
        self._checkpoint = checkpoint

    def look(self, photos: Sequence[Pixels]) -> list[Findings]:
        """`logits`: (channels, rows, columns) at the student's output size."""
        return [Findings((photo.shape[0], photo.shape[1]), {"logits": self._logits(photo)}) for photo in photos]

    def _logits(self, photo: Pixels) -> Any:
        """(channels, rows, columns) float16, upright."""
        import torch

        contract, copies = self._checkpoint.contract, _COPIES[self.settings.copies]
        inputs = [preprocess(np.rot90(photo[:, ::step], quarters), contract) for step, quarters in copies]
        network = self._checkpoint.student
        with torch.inference_mode():
            batch = torch.from_numpy(np.stack(inputs)).permute(0, 3, 1, 2).to(next(network.parameters()).device)
            found = network(batch.float()).float().cpu().numpy()
        upright = [
            # If the input is not square, rows and columns of a rotated copy are swapped.
            upsample(np.rot90(one, -quarters, axes=(1, 2))[:, :, ::step], *contract.logits_shape[1:])
            for one, (step, quarters) in zip(found, copies, strict=True)
        ]
        return np.mean(upright, axis=0).astype(np.float16)

    def decide(self, findings: Findings) -> Decision:
        """The mask of the run's own post-processing; scores are the IoU expected from the probabilities."""
        contract = self._checkpoint.contract
        logits = findings.arrays["logits"].astype(np.float32)
        mask = postprocess(logits, contract, *findings.size)
        likely = _probabilities(upsample(logits, *findings.size), contract.threshold)
        shown = range(1, len(likely))
        scores = [_expected_iou(likely[index], mask == index) for index in shown]
        mask[np.take_along_axis(likely, mask[None].astype(np.intp), axis=0)[0] < self.settings.sure] = IGNORED
        instances = instances_by_class(mask, len(self.phrases), scores)
        found = [scores[instance.phrase] for instance in instances]
        score = float(np.mean(found)) if found else float(likely[0].min())
        return Decision(mask, instances, score, undecided=not instances and IGNORED in mask)


def _probabilities(logits: Floats, threshold: float) -> Floats:
    """(classes, rows, columns); for a binary student, class 0 is the background."""
    if len(logits) == 1:
        foreground = 1 / (1 + np.exp(np.clip(threshold - logits[0], -60, 60)))
        return np.stack([1 - foreground, foreground])
    powers = np.exp(logits - logits.max(axis=0))
    return np.asarray(powers / powers.sum(axis=0), np.float32)


def _expected_iou(probability: Floats, member: Any) -> float:
    """The IoU expected if the probabilities are right: soft intersection over soft union."""
    inside = float(probability[member].sum())
    return inside / max(float(member.sum()) + float(probability.sum()) - inside, 1e-6)


def build(options: Options, phrases: tuple[Phrase, ...], weights: str | None, device: str) -> Student:
    """Make the teacher.

    Raises:
        BadInput: No run is given, it has not finished, or its classes differ from the phrases.
    """
    if weights is None:
        raise BadInput("the teacher student needs a finished run: --weights runs/NAME")
    run = Run(Path(weights))
    if not run.is_finished:
        raise BadInput(f"{weights} is not a finished run; name another with --weights, or finish it with `fit`")
    checkpoint = load_checkpoint(run.checkpoint)
    checkpoint.student.to(resolve_device(device))
    return Student(options, phrases, checkpoint, {str(run.folder): sha256(run.checkpoint)})
