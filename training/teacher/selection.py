"""From proposals to a mask: thresholds, non-maximum suppression, the rule that selects, and overlaps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from training.teacher.proposals import Proposals
from training.teacher.protocol import Decision, Instance, Settings
from training.teacher.region import Box, Region, box_iou, clean_region

Share = Annotated[float, Field(ge=0, le=1)]
Rule = Literal["union", "mask", "box", "agreement"]
Overlap = Literal["score", "smaller", "first"]


class SelectionOptions(Settings):
    """Options of all teachers that select from proposals."""

    nms: Share = 0.6
    """Non-maximum suppression: of two boxes with a higher IoU, the one with the lower score is dropped; 1 keeps all."""
    mask_threshold: Share = 0.0
    """Least mask score, if the segmenter gives scores."""
    consistency: Share = 0.5
    """Least IoU of a box and its mask's bounding box; below it, the mask shows another object or a part."""
    fragment: Share = 0.02
    """Components smaller than this share of the mask are removed."""
    hole: Share = 0.005
    """Holes smaller than this share of the mask are filled; larger ones are kept."""
    overlap: Overlap = "score"
    """Which phrase gets a pixel that two claim: the higher score, the smaller object, or the phrase given first."""


DECIDE_ONLY = frozenset({"threshold", *SelectionOptions.model_fields})


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """An object that may go into the mask."""

    phrase: int
    box: Box
    box_score: float
    mask_score: float | None
    region: Region

    @property
    def score(self) -> float:
        """Box score times mask score: both taken as independent probabilities."""
        return self.box_score * (1 if self.mask_score is None else self.mask_score)


def candidates(proposals: Proposals, phrase: int, options: SelectionOptions, *, threshold: float) -> list[Candidate]:
    """The boxes of a phrase without duplicates, each with its best mask; boxes without a fitting mask are left out."""
    found = proposals.found
    kept: list[int] = []
    for index in found.best_for(phrase, threshold).tolist():
        if not (box_iou(found.boxes[kept], found.boxes[index]) > options.nms).any():
            kept.append(index)
    drawn = ((index, _best_mask(proposals, index, options)) for index in kept)
    return [
        Candidate(phrase, _as_box(found.boxes[index]), float(found.scores[index, phrase]), *mask)
        for index, mask in drawn
        if mask is not None
    ]


def _as_box(row: NDArray[np.float32]) -> Box:
    left, top, right, bottom = row.tolist()
    return left, top, right, bottom


def _best_mask(proposals: Proposals, index: int, options: SelectionOptions) -> tuple[float | None, Region] | None:
    scores = proposals.mask_scores[index]
    # NaN sorts last, in the order given.
    for which in np.argsort(-scores, kind="stable").tolist():
        score = None if np.isnan(scores[which]) else float(scores[which])
        if score is not None and score < options.mask_threshold:
            return None
        # Remove small components first, since they would enlarge the bounding box.
        region = clean_region(proposals.masks[index][which], fragment=options.fragment, hole=options.hole)
        if region.area and box_iou(proposals.found.boxes[index], region.box)[0] >= options.consistency:
            return score, region
    return None


Rules = Mapping[Rule, Callable[[Sequence[Candidate]], list[Candidate]]]


def _best(of: Sequence[Candidate], score: Callable[[Candidate], float]) -> list[Candidate]:
    return [max(of, key=score)] if of else []


def _mask_score(candidate: Candidate) -> float:
    return candidate.box_score if candidate.mask_score is None else candidate.mask_score


def _agreement(of: Sequence[Candidate]) -> list[Candidate]:
    by_box, by_mask = _best(of, lambda one: one.box_score), _best(of, _mask_score)
    return by_box if by_box == by_mask else []


RULES: Rules = MappingProxyType(
    {
        "union": list,
        "mask": lambda of: _best(of, _mask_score),
        "box": lambda of: _best(of, lambda one: one.box_score),
        # The scores are independent: one says what the object is, the other how clear its borders are.
        "agreement": _agreement,
    }
)
"""By rule: selects from one phrase's candidates on a photo."""


def decide_from_proposals(
    proposals: Proposals, options: SelectionOptions, *, threshold: float, rule: Rule = "union"
) -> Decision:
    """The mask of a photo.

    If boxes of a phrase reach the threshold but none is selected, the photo cannot count as empty: the decision is then
    undecided.
    """
    found = proposals.found
    chosen: list[Candidate] = []
    undecided = False
    for phrase in range(found.scores.shape[1]):
        taken = RULES[rule](candidates(proposals, phrase, options, threshold=threshold))
        undecided |= not taken and len(found.best_for(phrase, threshold)) > 0
        chosen += taken
    return compose_mask(
        proposals.size, chosen, options.overlap, undecided=undecided, best_score=float(found.scores.max(initial=0))
    )


def compose_mask(
    size: tuple[int, int], chosen: Sequence[Candidate], overlap: Overlap, *, undecided: bool, best_score: float
) -> Decision:
    """Paint the selected candidates; where they overlap, the last one painted wins.

    Args:
        size: (rows, columns) of the photo.
        chosen: The selected candidates.
        overlap: Which candidate wins where they overlap.
        undecided: As in `Decision`.
        best_score: The best score of any box; an empty mask has the score 1 - best_score.
    """
    last: Mapping[Overlap, Callable[[Candidate], tuple[float, ...]]] = {
        "score": lambda one: (one.score, -one.phrase),
        "smaller": lambda one: (-one.region.area, -one.phrase),
        "first": lambda one: (-one.phrase, one.score),
    }
    mask = np.zeros(size, np.uint8)
    order = sorted(chosen, key=last[overlap])
    for one in order:
        one.region.paint(mask, one.phrase + 1)
    left = [one for one in order if _shows(one, mask)]
    instances = tuple(Instance(one.phrase, one.box, one.box_score, one.mask_score) for one in reversed(left))
    score = min((one.score for one in left), default=1 - best_score)
    return Decision(mask, instances, score, undecided)


def _shows(candidate: Candidate, mask: NDArray[np.uint8]) -> bool:
    """Whether any of its pixels is still visible."""
    left, top, right, bottom = map(int, candidate.region.box)
    return bool((mask[top:bottom, left:right][candidate.region.bits] == candidate.phrase + 1).any())
