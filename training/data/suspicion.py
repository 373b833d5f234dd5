"""Ranks teacher masks by suspicion: masks unlike the others in the folder, or unlike their own photo, come first.

The method does not know what a mask should show. It compares each feature with those of all pairs, by median and median
absolute deviation, which are robust while fewer than half of the masks are wrong. Some faults, such as an empty mask,
need no comparison. Each ground gives a measure from 0 to 1. Grounds are combined as independent probabilities,
1 − Π (1 − weight · measure), so that one strong ground or several mild ones bring a mask to the top.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from training.data.mask_features import MaskFeatures, measure_features
from training.data.mask_statistics import FolderStatistics
from training.data.pairs import Pairs

SHOWN = 0.05
"""Grounds that contribute less are not listed as reasons."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason to doubt one mask."""

    words: str
    doubt: float
    """0 to 1: measure times weight."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A pair, the suspicion of its mask, and the reasons."""

    features: MaskFeatures
    suspicion: float
    """0 to 1."""
    reasons: tuple[Reason, ...]
    """Strongest first."""

    @property
    def name(self) -> str:
        """Of the pair."""
        return self.features.name


Measured = tuple[float, str]
"""A measure from 0 to 1, and the detail to insert into the words of the ground."""


def _fault(features: MaskFeatures, _: FolderStatistics) -> Measured:
    return float(bool(features.fault)), features.fault


def _empty(features: MaskFeatures, _: FolderStatistics) -> Measured:
    return float(features.is_empty), ""


def _full(features: MaskFeatures, statistics: FolderStatistics) -> Measured:
    return float(len(statistics.classes) == 1 and features.areas[0] > 0.98), ""


def _disagreement(features: MaskFeatures, _: FolderStatistics) -> Measured:
    agreement = 1.0 if features.agreement is None else features.agreement
    return _ramp(agreement, none=0.95, all_=0.5), f"IoU {agreement:.2f}"


def _sharpness(features: MaskFeatures, statistics: FolderStatistics) -> Measured:
    if features.sharpness is None:
        return 0.0, ""
    contrast = f"contrast {math.exp(features.sharpness):.1f}, others {math.exp(statistics.sharpness.median):.1f}"
    return statistics.sharpness.below(features.sharpness), contrast


def _score(features: MaskFeatures, statistics: FolderStatistics) -> Measured:
    if features.score is None:
        return 0.0, ""
    return statistics.score.below(features.score), f"{features.score:.2f}, others {statistics.score.median:.2f}"


def _area(features: MaskFeatures, statistics: FolderStatistics) -> Measured:
    def outlier_score(index: int) -> float:
        share, typical = math.log(features.areas[index]), statistics.areas[index]
        return max(typical.below(share), typical.above(share))

    return _most_unusual(
        features, statistics, outlier_score, features.areas, [math.exp(each.median) for each in statistics.areas]
    )


def _frame(features: MaskFeatures, statistics: FolderStatistics) -> Measured:
    def outlier_score(index: int) -> float:
        return statistics.frames[index].above(features.frames[index])

    return _most_unusual(
        features, statistics, outlier_score, features.frames, [each.median for each in statistics.frames]
    )


def _most_unusual(
    features: MaskFeatures,
    statistics: FolderStatistics,
    outlier_score: Callable[[int], float],
    shares: Sequence[float],
    usual: Sequence[float],
) -> Measured:
    """The measure of the class with the highest outlier score."""
    worst = max((index for index, area in enumerate(features.areas) if area), key=outlier_score, default=None)
    if worst is None:
        return 0.0, ""
    which = f"{statistics.classes[worst]} " if len(statistics.classes) > 1 else ""
    return outlier_score(worst), f"{which}{percent(shares[worst])}, others {percent(usual[worst])}"


def _specks(features: MaskFeatures, statistics: FolderStatistics) -> Measured:
    usual = round(math.expm1(statistics.specks.median)) if not math.isnan(statistics.specks.median) else 0
    return statistics.specks.above(math.log1p(features.specks)), f"{features.specks}, others {usual}"


def _raggedness(features: MaskFeatures, statistics: FolderStatistics) -> Measured:
    return statistics.raggedness.above(features.raggedness), ""


def _tiny(features: MaskFeatures, _: FolderStatistics) -> Measured:
    shorter = min(features.rows, features.columns)
    return _ramp(shorter, none=192, all_=64), f"{features.rows} × {features.columns} pixels"


def _alike(features: MaskFeatures, statistics: FolderStatistics) -> Measured:
    original = statistics.near_duplicates.get(features.name)
    return float(original is not None), original or ""


def _ramp(value: float, *, none: float, all_: float) -> float:
    """0 at and above `none`, 1 at and below `all_`, straight between."""
    return min(1.0, max(0.0, (none - value) / (none - all_)))


def percent(share: float) -> str:
    """A share as a percentage with two digits, for people."""
    if 0 < share < 1e-4:
        return "below 0.01 %"
    return f"{100 * share:.0f} %" if share == 0 or share > 0.0995 else f"{100 * share:.2g} %"


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a mask may be doubted."""

    name: str
    measure: Callable[[MaskFeatures, FolderStatistics], Measured]
    weight: float
    """The probability that the mask is wrong, given a measure of 1."""
    words: str
    """The reason in words; `{}` is replaced by the detail."""


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
"""Weights below 0.8 are for grounds that a good mask may have too, so that one alone does not condemn it."""


def rank_by_suspicion(pairs: Pairs, against: Pairs | None = None) -> list[Suspect]:
    """All pairs, most suspicious first, those of equal suspicion by name.

    Args:
        pairs: With or without dropped ones; the statistics are taken over all that are given.
        against: Another teacher's masks for all or some of these photos.

    Raises:
        BadInput: The other masks have other classes, or belong to none of these photos.
    """
    features = measure_features(pairs, against)
    statistics = FolderStatistics.of(pairs, features)
    return sorted(
        map(partial(score_suspicion, statistics=statistics), features), key=lambda each: (-each.suspicion, each.name)
    )


def score_suspicion(features: MaskFeatures, statistics: FolderStatistics) -> Suspect:
    """The suspicion of one mask within its folder, and the reasons."""
    reasons = []
    # If a pair cannot be read, nothing else is known of it.
    grounds = GROUNDS[:1] if features.fault else GROUNDS
    for ground in grounds:
        measured, what = ground.measure(features, statistics)
        reasons.append(Reason(ground.words.format(what), ground.weight * measured))
    suspicion = 1 - math.prod(1 - reason.doubt for reason in reasons)
    shown = sorted((reason for reason in reasons if reason.doubt >= SHOWN), key=lambda reason: -reason.doubt)
    return Suspect(features, suspicion, tuple(shown))
