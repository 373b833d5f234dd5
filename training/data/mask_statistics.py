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
    """What is usual of one trait."""

    middle: float
    fall: float
    """A standard deviation downwards, were the trait normal: from the median absolute deviation."""
    rise: float
    """Upwards: at least what the upper quarter has, for counts are mostly 0 and few."""

    @classmethod
    def of(cls, values: Iterable[float], least: float, among: int = 1) -> "RobustRange":
        """From the values of all pairs.

        Args:
            values: One a pair.
            least: A spread below which differences mean nothing.
            among: Of as many such traits the oddest will count; the more, the further out it lies by chance.
        """
        found = np.fromiter(values, np.float64)
        if not len(found):
            return cls(math.nan, least, least)
        middle, quarter = np.quantile(found, (0.5, 0.75)).tolist()
        fall = max(float(np.median(np.abs(found - middle))) / _QUARTILE, least)
        rise = max((quarter - middle) / _QUARTILE, fall)
        chance = 1 + math.log(among) / 2
        return cls(middle, chance * fall, chance * rise)

    def below(self, value: float) -> float:
        """0 to 1: how odd it is to be this low; a half at two and a half spreads."""
        return _oddness((self.middle - value) / self.fall)

    def above(self, value: float) -> float:
        """Likewise, this high."""
        return _oddness((value - self.middle) / self.rise)


_QUARTILE = 0.6745
"""Standard deviations from the middle of a normal distribution to its quartiles."""


def _oddness(spreads: float) -> float:
    # Of 260 portraits and coin photos, one sound mask in a hundred lies two spreads below the middle in sharpness, and
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
    originals: dict[str, str]
    """Of each photo that looks like an earlier one, the earlier one."""

    @classmethod
    def of(cls, pairs: Pairs, traits: Sequence[MaskFeatures]) -> "FolderStatistics":
        """From the traits of all pairs; reads every photo once more, for its hash."""
        drawn = [each for each in traits if not each.fault and not each.is_empty]
        shown = range(len(drawn[0].areas) if drawn else 0)
        return cls(
            pairs.classes,
            tuple(RobustRange.of((math.log(t.areas[i]) for t in drawn if t.areas[i]), 0.1, len(shown)) for i in shown),
            tuple(RobustRange.of((t.frames[i] for t in drawn if t.areas[i]), 0.02, len(shown)) for i in shown),
            RobustRange.of((math.log1p(t.specks) for t in drawn), 0.25),
            RobustRange.of((t.raggedness for t in drawn), 0.05),
            RobustRange.of((t.sharpness for t in drawn if t.sharpness is not None), 0.1),
            RobustRange.of((t.score for t in traits if t.score is not None), 0.05),
            originals(pairs, traits),
        )


def originals(pairs: Pairs, traits: Sequence[MaskFeatures]) -> dict[str, str]:
    """Of each photo that looks like an earlier one, the earlier one, by name; what cannot be read is left out."""
    readable = [pair for pair, each in zip(pairs.pairs, traits, strict=True) if not each.fault]
    groups = group_alike([pair.photo for pair in readable])
    return {readable[index].name: readable[group[0]].name for group in groups for index in group[1:]}
