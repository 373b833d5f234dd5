"""From proposals to a mask: thresholds, duplicates, the rule that chooses, and who wins where things overlap."""

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
    """Options of all who choose among proposals."""

    nms: Share = 0.6
    """IoU of two boxes of one phrase above which the lower score is a duplicate; 1 keeps all."""
    mask_threshold: Share = 0.0
    """Mask score below which a mask is not taken, where the segmenter gives one."""
    consistency: Share = 0.5
    """IoU of a box and its mask's own extents below which the mask is another thing's, or a part's."""
    fragment: Share = 0.02
    """Parts of a mask smaller than this share of it go."""
    hole: Share = 0.005
    """Holes smaller than this share of a mask are filled; larger ones are true."""
    overlap: Overlap = "score"
    """Who has a pixel that two phrases claim: the higher score, the smaller thing, or the phrase given first."""


DECIDE_ONLY = frozenset({"threshold", *SelectionOptions.model_fields})


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A thing that may go into the mask."""

    phrase: int
    box: Box
    box_score: float
    mask_score: float | None
    region: Region

    @property
    def score(self) -> float:
        """That it is the thing, and drawn well, taken as independent."""
        return self.box_score * (1 if self.mask_score is None else self.mask_score)


def candidates(proposals: Proposals, phrase: int, options: SelectionOptions, *, threshold: float) -> list[Candidate]:
    """For each box of a phrase that is no duplicate: its best mask, unless none fits the box."""
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
    # NaN sorts last, and in the order given.
    for which in np.argsort(-scores, kind="stable").tolist():
        score = None if np.isnan(scores[which]) else float(scores[which])
        if score is not None and score < options.mask_threshold:
            return None
        # Specks would stretch the extents, so they go first.
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
        # Each judges by what the other cannot see: what it is, and whether it has clear borders.
        "agreement": _agreement,
    }
)
"""Which of one phrase's candidates on a photo are taken."""


def decide_from_proposals(
    proposals: Proposals, options: SelectionOptions, *, threshold: float, rule: Rule = "union"
) -> Decision:
    """The mask of a photo.

    A phrase whose boxes reach the threshold, but of which the rule or the masks leave nothing, is neither drawn nor
    denied: the decision then says that it is undecided.
    """
    found = proposals.found
    chosen: list[Candidate] = []
    undecided = False
    for phrase in range(found.scores.shape[1]):
        taken = RULES[rule](candidates(proposals, phrase, options, threshold=threshold))
        undecided |= not taken and len(found.best_for(phrase, threshold)) > 0
        chosen += taken
    return compose_mask(
        proposals.size, chosen, options.overlap, undecided=undecided, doubt=float(found.scores.max(initial=0))
    )


def compose_mask(
    size: tuple[int, int], chosen: Sequence[Candidate], overlap: Overlap, *, undecided: bool, doubt: float
) -> Decision:
    """Paint the chosen, winners last.

    Args:
        size: (rows, columns) of the photo.
        chosen: What to paint.
        overlap: Who wins.
        undecided: As in `Decision`.
        doubt: The best score of anything at all, which an empty mask denies.
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
    score = min((one.score for one in left), default=1 - doubt)
    return Decision(mask, instances, score, undecided)


def _shows(candidate: Candidate, mask: NDArray[np.uint8]) -> bool:
    """Whether any pixel of it was left by those painted over it."""
    left, top, right, bottom = map(int, candidate.region.box)
    return bool((mask[top:bottom, left:right][candidate.region.bits] == candidate.phrase + 1).any())
