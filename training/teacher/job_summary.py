"""What became of the photos of a labelling job, counted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from training.teacher import sources
from training.teacher.shard import WHOLE, Shard


@dataclass
class JobSummary:
    """Counts, told in a few lines."""

    folder: Path
    share: Shard
    photos: int
    """In the share."""
    others: Mapping[str, int]
    """Files that are no photos, by suffix."""
    gone: tuple[str, ...]
    """Names of pairs whose photo is no longer there; they stay."""
    looked: int = 0
    """LabelledFolder by looking."""
    decided: int = 0
    """LabelledFolder from findings that were kept."""
    untouched: int = 0
    """As an earlier job left them."""
    empty: int = 0
    """Of all these, how many show nothing of any phrase."""
    undecided: int = 0
    """Of all these, how many were left out for want of a mask that the teacher would vouch for."""
    edited: int = 0
    """Of those left as they were, how many have a mask that was edited by hand."""
    changed: int = 0
    """Of all these, how many are another photo than an earlier job labelled."""
    skipped: Counter[str] = field(default_factory=Counter)
    """By what was wrong."""

    @property
    def usable(self) -> int:
        """Photos that a teacher could label."""
        return self.looked + self.decided + self.untouched

    def __str__(self) -> str:
        share = "" if self.share == WHOLE else f" of share {self.share}"
        lines = [f"{self.folder}: {self.usable} of {self.photos} photos{share} labelled, {self.empty} show nothing"]
        lines.append(f"  {self.looked} looked at, {self.decided} decided anew, {self.untouched} as they were")
        if self.undecided:
            lines.append(f"  {self.undecided} left out: the teacher would not vouch for a mask")
        if self.edited:
            lines.append(f"  {self.edited} masks edited by hand, kept; delete one to have it drawn again")
        if self.changed:
            lines.append(f"  {self.changed} of another content than before")
        if self.skipped:
            kinds = ", ".join(f"{times} {kind}" for kind, times in sorted(self.skipped.items()))
            lines.append(f"  {self.skipped.total()} skipped, named above: {kinds}")
        if self.others:
            lines.append(f"  files of other kinds passed over: {sources.told(self.others)}")
        if self.gone:
            more = ", …" if len(self.gone) > 3 else ""
            lines.append(f"  {len(self.gone)} whose photo is gone, kept: {', '.join(self.gone[:3])}{more}")
        return "\n".join(lines)
