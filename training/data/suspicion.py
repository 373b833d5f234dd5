"""Which teacher masks deserve a look first: those unlike the others, or unlike the photo they lie on.

Nothing here knows what a mask should show. A trait is held against those of all pairs, by median and median absolute
deviation, which stay put while fewer than half of the masks are wrong; what is wrong by itself, such as an empty mask,
needs no others. Each ground gives 0 to 1, times its weight; together they doubt as independent witnesses would,
1 − Π (1 − weight · measure), so that one strong ground or several mild ones bring a mask to the top.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from training.data.mask_features import MaskFeatures, measure
from training.data.mask_statistics import FolderStatistics
from training.data.pairs import Pairs

SHOWN = 0.05
"""Grounds that contribute less are not worth a word."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One ground to doubt one mask."""

    words: str
    doubt: float
    """0 to 1: measure times weight."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A pair, how much its mask is to be doubted, and why."""

    traits: MaskFeatures
    suspicion: float
    """0 to 1."""
    reasons: tuple[Reason, ...]
    """Strongest first."""

    @property
    def name(self) -> str:
        """Of the pair."""
        return self.traits.name


Measured = tuple[float, str]
"""0 to 1, and what the words of the ground are to say of it."""


def _fault(traits: MaskFeatures, _: FolderStatistics) -> Measured:
    return float(bool(traits.fault)), traits.fault


def _empty(traits: MaskFeatures, _: FolderStatistics) -> Measured:
    return float(traits.is_empty), ""


def _full(traits: MaskFeatures, crowd: FolderStatistics) -> Measured:
    return float(len(crowd.classes) == 1 and traits.areas[0] > 0.98), ""


def _disagreement(traits: MaskFeatures, _: FolderStatistics) -> Measured:
    agreement = 1.0 if traits.agreement is None else traits.agreement
    return _ramp(agreement, none=0.95, all_=0.5), f"IoU {agreement:.2f}"


def _sharpness(traits: MaskFeatures, crowd: FolderStatistics) -> Measured:
    if traits.sharpness is None:
        return 0.0, ""
    contrast = f"contrast {math.exp(traits.sharpness):.1f}, others {math.exp(crowd.sharpness.middle):.1f}"
    return crowd.sharpness.below(traits.sharpness), contrast


def _score(traits: MaskFeatures, crowd: FolderStatistics) -> Measured:
    if traits.score is None:
        return 0.0, ""
    return crowd.score.below(traits.score), f"{traits.score:.2f}, others {crowd.score.middle:.2f}"


def _area(traits: MaskFeatures, crowd: FolderStatistics) -> Measured:
    def oddness(index: int) -> float:
        share, typical = math.log(traits.areas[index]), crowd.areas[index]
        return max(typical.below(share), typical.above(share))

    return _oddest(traits, crowd, oddness, traits.areas, [math.exp(each.middle) for each in crowd.areas])


def _frame(traits: MaskFeatures, crowd: FolderStatistics) -> Measured:
    def oddness(index: int) -> float:
        return crowd.frames[index].above(traits.frames[index])

    return _oddest(traits, crowd, oddness, traits.frames, [each.middle for each in crowd.frames])


def _oddest(
    traits: MaskFeatures,
    crowd: FolderStatistics,
    oddness: Callable[[int], float],
    shares: Sequence[float],
    usual: Sequence[float],
) -> Measured:
    """Of the class that is oddest."""
    worst = max((index for index, area in enumerate(traits.areas) if area), key=oddness, default=None)
    if worst is None:
        return 0.0, ""
    which = f"{crowd.classes[worst]} " if len(crowd.classes) > 1 else ""
    return oddness(worst), f"{which}{percent(shares[worst])}, others {percent(usual[worst])}"


def _specks(traits: MaskFeatures, crowd: FolderStatistics) -> Measured:
    usual = round(math.expm1(crowd.specks.middle)) if not math.isnan(crowd.specks.middle) else 0
    return crowd.specks.above(math.log1p(traits.specks)), f"{traits.specks}, others {usual}"


def _raggedness(traits: MaskFeatures, crowd: FolderStatistics) -> Measured:
    return crowd.raggedness.above(traits.raggedness), ""


def _tiny(traits: MaskFeatures, _: FolderStatistics) -> Measured:
    shorter = min(traits.rows, traits.columns)
    return _ramp(shorter, none=192, all_=64), f"{traits.rows} × {traits.columns} pixels"


def _alike(traits: MaskFeatures, crowd: FolderStatistics) -> Measured:
    original = crowd.originals.get(traits.name)
    return float(original is not None), original or ""


def _ramp(value: float, *, none: float, all_: float) -> float:
    """0 at and above `none`, 1 at and below `all_`, straight between."""
    return min(1.0, max(0.0, (none - value) / (none - all_)))


def percent(share: float) -> str:
    """For people: two digits, but not of what is next to nothing."""
    if 0 < share < 1e-4:
        return "below 0.01 %"
    return f"{100 * share:.0f} %" if share == 0 or share > 0.0995 else f"{100 * share:.2g} %"


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a mask may be doubted."""

    name: str
    measure: Callable[[MaskFeatures, FolderStatistics], Measured]
    weight: float
    """What a measure of 1 is worth: how sure it makes that the mask is wrong."""
    words: str
    """For people; `{}` is what was measured."""


GROUNDS = (
    Ground("unreadable", _fault, 1.0, "{}"),
    Ground("empty", _empty, 0.9, "the mask is empty"),
    Ground("full", _full, 0.9, "the mask covers everything"),
    Ground("disagreement", _disagreement, 0.95, "teachers disagree ({})"),
    Ground("off the edges", _sharpness, 0.95, "border is off the photo's edges ({})"),
    Ground("low score", _score, 0.8, "low score ({})"),
    Ground("area", _area, 0.7, "unusual area ({})"),
    Ground("frame", _frame, 0.5, "touches the frame ({})"),
    Ground("fragments", _specks, 0.6, "many small fragments or holes ({})"),
    Ground("ragged", _raggedness, 0.7, "ragged border"),
    Ground("tiny", _tiny, 0.85, "tiny photo ({})"),
    Ground("near-duplicate", _alike, 0.3, "looks like {}"),
)
"""Weights below 0.8 are of grounds that a good mask may well have, so that none of them condemns it alone."""


def rank(pairs: Pairs, against: Pairs | None = None) -> list[Suspect]:
    """All pairs, most suspicious first, those of equal suspicion by name.

    Args:
        pairs: Read with or without those that were dropped; what is usual is told from all that are given.
        against: Another teacher's masks for the same photos, or for some of them.

    Raises:
        BadInput: The other teacher drew other classes, or none of these photos.
    """
    traits = measure(pairs, against)
    crowd = FolderStatistics.of(pairs, traits)
    return sorted(map(partial(suspect, crowd=crowd), traits), key=lambda each: (-each.suspicion, each.name))


def suspect(traits: MaskFeatures, crowd: FolderStatistics) -> Suspect:
    """How much one mask is to be doubted among others, and why."""
    reasons = []
    # Of what cannot be read nothing else is known, and an empty mask has no traits of its own.
    grounds = GROUNDS[:1] if traits.fault else GROUNDS
    for ground in grounds:
        measured, what = ground.measure(traits, crowd)
        reasons.append(Reason(ground.words.format(what), ground.weight * measured))
    suspicion = 1 - math.prod(1 - reason.doubt for reason in reasons)
    shown = sorted((reason for reason in reasons if reason.doubt >= SHOWN), key=lambda reason: -reason.doubt)
    return Suspect(traits, suspicion, tuple(shown))
