"""A student as a teacher: what one run has learnt, drawn on photos that it never saw.

So a large student teaches a small one, and one of rendered photos another of real ones. It need not be fast, and looks
at turned copies of a photo as well; what it is not sure of it can leave open.
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
"""Step through the columns, -1 mirrors; then quarter turns."""


class Options(Settings):
    """How it looks, and what it vouches for."""

    decide_only: ClassVar[frozenset[str]] = frozenset({"sure"})

    copies: Copies = "mirror"
    """Whose logits are averaged: of the photo alone, its mirror image too, or all eight turned and mirrored copies."""
    sure: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Least probability of the likeliest class; where it is lower, nobody judged. At 0 all is judged."""


class Student:
    """The checkpoint of a finished run."""

    name = "student"

    def __init__(self, options: Options, phrases: tuple[Phrase, ...], taught: Checkpoint, origin: Mapping[str, str]):
        """Taught what the phrases name; `origin` is the run's folder with its digest.

        Raises:
            BadInput: It knows other classes.
        """
        check_classes(phrases, taught.contract.classes, next(iter(origin)))
        self.settings = options
        self.phrases = phrases
        self.weights = origin
        self._taught = taught

    def look(self, photos: Sequence[Pixels]) -> list[Findings]:
        """Logits, at their own stride."""
        return [Findings((photo.shape[0], photo.shape[1]), {"logits": self._logits(photo)}) for photo in photos]

    def _logits(self, photo: Pixels) -> Any:
        """(channels, rows, columns) float16, upright."""
        import torch

        contract, copies = self._taught.contract, _COPIES[self.settings.copies]
        inputs = [preprocess(np.rot90(photo[:, ::step], quarters), contract) for step, quarters in copies]
        network = self._taught.student
        with torch.inference_mode():
            batch = torch.from_numpy(np.stack(inputs)).permute(0, 3, 1, 2).to(next(network.parameters()).device)
            found = network(batch.float()).float().cpu().numpy()
        upright = [
            # Of an input that is not square, a copy on its side has rows for columns.
            upsample(np.rot90(one, -quarters, axes=(1, 2))[:, :, ::step], *contract.logits_shape[1:])
            for one, (step, quarters) in zip(found, copies, strict=True)
        ]
        return np.mean(upright, axis=0).astype(np.float16)

    def decide(self, findings: Findings) -> Decision:
        """The mask of the run's own post-processing; its scores are the IoU that the probabilities promise."""
        contract = self._taught.contract
        logits = findings.arrays["logits"].astype(np.float32)
        mask = postprocess(logits, contract, *findings.size)
        likely = _probabilities(upsample(logits, *findings.size), contract.threshold)
        shown = range(1, len(likely))
        scores = [_promised(likely[index], mask == index) for index in shown]
        mask[np.take_along_axis(likely, mask[None].astype(np.intp), axis=0)[0] < self.settings.sure] = IGNORED
        instances = instances_by_class(mask, len(self.phrases), scores)
        found = [scores[instance.phrase] for instance in instances]
        score = float(np.mean(found)) if found else float(likely[0].min())
        return Decision(mask, instances, score, undecided=not instances and IGNORED in mask)


def _probabilities(logits: Floats, threshold: float) -> Floats:
    """(classes, rows, columns), the background of a binary student as class 0."""
    if len(logits) == 1:
        foreground = 1 / (1 + np.exp(np.clip(threshold - logits[0], -60, 60)))
        return np.stack([1 - foreground, foreground])
    powers = np.exp(logits - logits.max(axis=0))
    return np.asarray(powers / powers.sum(axis=0), np.float32)


def _promised(probability: Floats, member: Any) -> float:
    """The IoU that a mask may expect if the probabilities are right: soft intersection over soft union."""
    inside = float(probability[member].sum())
    return inside / max(float(member.sum()) + float(probability.sum()) - inside, 1e-6)


def build(options: Options, phrases: tuple[Phrase, ...], weights: str | None, device: str) -> Student:
    """The teacher.

    Raises:
        BadInput: No run was named, it has not finished, or it was taught other classes.
    """
    if weights is None:
        raise BadInput("whose student? name a finished run with --weights runs/NAME")
    run = Run(Path(weights))
    if not run.is_finished:
        raise BadInput(f"{weights} holds no finished run; name one with --weights, or let `fit` go on with it")
    taught = load_checkpoint(run.checkpoint)
    taught.student.to(resolve_device(device))
    return Student(options, phrases, taught, {str(run.folder): sha256(run.checkpoint)})
