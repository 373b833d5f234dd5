"""What is usual among the masks of a folder: middles and spreads, which stay put while fewer than half are wrong."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from training.data.mask_features import MaskFeatures
from training.data.pairs import Pairs
from training.data.split import group_alike


@dataclass(frozen=True, slots=True)
class RobustRange:
    """What is usual of one feature."""

    median: float
    spread_below: float
    """A standard deviation downwards, were the feature normal: from the median absolute deviation."""
    spread_above: float
    """Upwards: at least what the upper quarter has, for counts are mostly 0 and few."""

    @classmethod
    def of(cls, values: Iterable[float], least: float, features_compared: int = 1) -> "RobustRange":
        """From the values of all pairs.

        Args:
            values: One a pair.
            least: A spread below which differences mean nothing.
            features_compared: How many such features are compared at once. Only the most unusual counts, and
                the more there are, the further out it lies by chance.
        """
        found = np.fromiter(values, np.float64)
        if not len(found):
            return cls(math.nan, least, least)
        median, quarter = np.quantile(found, (0.5, 0.75)).tolist()
        spread_below = max(float(np.median(np.abs(found - median))) / _QUARTILE, least)
        spread_above = max((quarter - median) / _QUARTILE, spread_below)
        chance = 1 + math.log(features_compared) / 2
        return cls(median, chance * spread_below, chance * spread_above)

    def below(self, value: float) -> float:
        """0 to 1: how odd it is to be this low; a half at two and a half spreads."""
        return _outlier_score((self.median - value) / self.spread_below)

    def above(self, value: float) -> float:
        """Likewise, this high."""
        return _outlier_score((value - self.median) / self.spread_above)


_QUARTILE = 0.6745
"""Standard deviations from the median of a normal distribution to its quartiles."""


def _outlier_score(spreads: float) -> float:
    # Of 260 portraits and coin photos, one sound mask in a hundred lies two spreads below the median in sharpness, and
    # none that was shrunk, grown or moved by 1.3 to 10 % of the photo above 2.3.
    return spreads**8 / (spreads**8 + 2.5**8) if spreads > 0 else 0.0


@dataclass(frozen=True, slots=True)
class FolderStatistics:
    """What is usual in a folder, and what looks alike in it."""

    classes: tuple[str, ...]
    areas: tuple[RobustRange, ...]
    """Logs of the share, by class, of the masks that show it."""
    frames: tuple[RobustRange, ...]
    specks: RobustRange
    """Log of 1 + their number."""
    raggedness: RobustRange
    sharpness: RobustRange
    score: RobustRange
    near_duplicates: dict[str, str]
    """Of each photo that looks like an earlier one, the earlier one."""

    @classmethod
    def of(cls, pairs: Pairs, features: Sequence[MaskFeatures]) -> "FolderStatistics":
        """From the features of all pairs; reads every photo once more, for its hash."""
        drawn = [each for each in features if not each.fault and not each.is_empty]
        shown = range(len(drawn[0].areas) if drawn else 0)
        return cls(
            pairs.classes,
            tuple(RobustRange.of((math.log(t.areas[i]) for t in drawn if t.areas[i]), 0.1, len(shown)) for i in shown),
            tuple(RobustRange.of((t.frames[i] for t in drawn if t.areas[i]), 0.02, len(shown)) for i in shown),
            RobustRange.of((math.log1p(t.specks) for t in drawn), 0.25),
            RobustRange.of((t.raggedness for t in drawn), 0.05),
            RobustRange.of((t.sharpness for t in drawn if t.sharpness is not None), 0.1),
            RobustRange.of((t.score for t in features if t.score is not None), 0.05),
            near_duplicates(pairs, features),
        )


def near_duplicates(pairs: Pairs, features: Sequence[MaskFeatures]) -> dict[str, str]:
    """Of each photo that looks like an earlier one, the earlier one, by name; what cannot be read is left out."""
    readable = [pair for pair, each in zip(pairs.pairs, features, strict=True) if not each.fault]
    groups = group_alike([pair.photo for pair in readable])
    return {readable[index].name: readable[group[0]].name for group in groups for index in group[1:]}
