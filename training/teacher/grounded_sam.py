"""The teacher `grounded-sam`: a detector that reads finds boxes of a phrase, a segmenter draws a mask in each."""

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
    """How boxes are found, masks drawn, and which of them are taken."""

    decide_only: ClassVar[frozenset[str]] = DECIDE_ONLY | {"rule"}

    detector: str = "IDEA-Research/grounding-dino-base"
    """A folder, or a repository of the hub: GroundingDINO, MM-GroundingDINO or OWLv2."""
    segmenter: str = "facebook/sam-vit-base"
    """Likewise: SAM, SAM-HQ or SAM 2."""
    adapter: Path | None = None
    """A file that `adapt` wrote: what the segmenter's image encoder learnt of a domain."""
    arithmetic: Arithmetic = "fp32"
    """Of both networks; bf16 is for GPUs, twice as fast and near enough."""
    floor: Share = 0.1
    """Box score below which nothing is kept."""
    most: Annotated[int, Field(ge=1)] = 50
    """Boxes that are kept of a photo, best first."""
    threshold: Share | None = None
    """Box score from which a box is taken; None: what the detector's authors take."""
    rule: Rule = "union"
    """Which things of a phrase are taken: union, all; mask or box, the one of the best score; agreement, that one only
    where both scores like the same best."""

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
        """Origins, and the sha256 of each file."""
        return self._detector.model.weights.record() | self._segmenter.record()

    def look(self, photos: Sequence[Pixels]) -> list[Findings]:
        """Boxes, and masks in them."""
        return [one.to_findings() for one in self._segmenter.look(photos, self._detector.look(photos))]

    def decide(self, findings: Findings) -> Decision:
        """The mask, from those boxes and masks that the options let pass."""
        threshold = self.settings.threshold
        if threshold is None:
            threshold = max(self._detector.architecture.threshold, self.settings.floor)
        return decide_from_proposals(
            Proposals.from_findings(findings), self.settings, threshold=threshold, rule=self.settings.rule
        )


def build(
    options: Options, phrases: tuple[Phrase, ...], weights: str | None = None, device: str = "auto"
) -> GroundedSam:
    """The teacher.

    Args:
        options: Its settings.
        phrases: What to look for.
        weights: A folder that holds the folders `detector` and `segmenter`; None: what the options name.
        device: As torch names it, or `auto`.

    Raises:
        BadInput: Weights are not to be had.
    """
    names = {"detector": options.detector, "segmenter": options.segmenter}
    if weights is not None:
        names = {role: str(Path(weights) / role) for role in names}
        if missing := [folder for folder in names.values() if not Path(folder).is_dir()]:
            raise BadInput(f"{missing[0]} is no folder; expected {weights} to hold two, detector and segmenter")
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
