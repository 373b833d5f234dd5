"""The teacher `grounded-sam`: a text-prompted detector finds boxes, and a segmenter draws a mask in each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from training.student.arrays import Pixels
from training.student.errors import BadInput
from training.teacher.detectors import DETECTORS, Detector
from training.teacher.model import Arithmetic
from training.teacher.phrases import Phrase
from training.teacher.proposals import Proposals
from training.teacher.protocol import Decision, Findings
from training.teacher.segmenters import SEGMENTERS, Segmenter
from training.teacher.selection import DECIDE_ONLY, Rule, SelectionOptions, Share, decide_from_proposals
from training.teacher.weights import find_weights


class Options(SelectionOptions):
    """Which models, and which of their boxes and masks are taken."""

    decide_only: ClassVar[frozenset[str]] = DECIDE_ONLY | {"rule"}

    detector: str = "IDEA-Research/grounding-dino-base"
    """A folder or a repository of the hub: GroundingDINO, MM-GroundingDINO or OWLv2."""
    segmenter: str = "facebook/sam-vit-base"
    """A folder or a repository of the hub: SAM, SAM-HQ or SAM 2."""
    adapter: Path | None = None
    """A LoRA adapter for the segmenter, written by `adapt`."""
    arithmetic: Arithmetic = "fp32"
    """Precision of both networks; bf16 is for GPUs: twice as fast, with nearly the same masks."""
    floor: Share = 0.1
    """Boxes with a lower score are not kept at all."""
    most: Annotated[int, Field(ge=1)] = 50
    """How many boxes to keep per photo, best first."""
    threshold: Share | None = None
    """Least score of a box; None: the default of the detector's authors."""
    rule: Rule = "union"
    """Which objects of a phrase are taken. union: all; mask or box: the one with the best mask or box score; agreement:
    the best one, only if both scores rank the same box first."""

    @model_validator(mode="after")
    def _reachable(self) -> "Options":
        if self.threshold is not None and self.threshold < self.floor:
            raise ValueError(f"threshold={self.threshold} is below floor={self.floor}, where no box is kept")
        return self


class GroundedSam:
    """See `training.teacher.protocol.Teacher`."""

    name = "grounded-sam"

    def __init__(self, options: Options, phrases: tuple[Phrase, ...], detector: Detector, segmenter: Segmenter) -> None:
        self.settings = options
        self.phrases = phrases
        self._detector = detector
        self._segmenter = segmenter

    @property
    def weights(self) -> Mapping[str, str]:
        """Origins of the weights, and the SHA-256 of each file."""
        return self._detector.model.weights.record() | self._segmenter.record()

    def look(self, photos: Sequence[Pixels]) -> list[Findings]:
        """Boxes, and the masks in them."""
        return [one.to_findings() for one in self._segmenter.look(photos, self._detector.look(photos))]

    def decide(self, findings: Findings) -> Decision:
        """The mask, from the boxes and masks that pass the thresholds."""
        threshold = self.settings.threshold
        if threshold is None:
            threshold = max(self._detector.architecture.threshold, self.settings.floor)
        return decide_from_proposals(
            Proposals.from_findings(findings), self.settings, threshold=threshold, rule=self.settings.rule
        )


def build(
    options: Options, phrases: tuple[Phrase, ...], weights: str | None = None, device: str = "auto"
) -> GroundedSam:
    """Make the teacher.

    Args:
        options: Its options.
        phrases: What to look for.
        weights: A folder that holds the folders `detector` and `segmenter`; None: what the options name.
        device: A torch device, or `auto`.

    Raises:
        BadInput: The weights cannot be found.
    """
    names = {"detector": options.detector, "segmenter": options.segmenter}
    if weights is not None:
        names = {role: str(Path(weights) / role) for role in names}
        if missing := [folder for folder in names.values() if not Path(folder).is_dir()]:
            raise BadInput(f"{missing[0]} is not a folder; expected {weights} to hold detector and segmenter")
    if options.adapter and not options.adapter.is_file():
        raise BadInput(f"adapter {options.adapter} does not exist; expected a file that adapt wrote")
    detector = Detector(
        find_weights("detector", names["detector"], DETECTORS),
        phrases,
        device=device,
        arithmetic=options.arithmetic,
        floor=options.floor,
        most=options.most,
    )
    segmenter = Segmenter(
        find_weights("segmenter", names["segmenter"], SEGMENTERS),
        device=device,
        arithmetic=options.arithmetic,
        adapter=options.adapter,
    )
    return GroundedSam(options, phrases, detector, segmenter)
