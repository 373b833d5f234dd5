"""Counts of what a labelling job did with its photos."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from training.teacher import sources
from training.teacher.shard import WHOLE, Shard


@dataclass
class JobSummary:
    """The counts, and a summary of a few lines."""

    folder: Path
    share: Shard
    photos: int
    """Photos in the share."""
    others: Mapping[str, int]
    """Number of files that are not photos, by suffix."""
    gone: tuple[str, ...]
    """Names of pairs whose photo no longer exists; they are kept."""
    looked: int = 0
    """Labelled by `look` and `decide`."""
    decided: int = 0
    """Labelled by `decide` from cached findings."""
    untouched: int = 0
    """Labelled by an earlier job, and left as they were."""
    empty: int = 0
    """How many of all these show no phrase."""
    undecided: int = 0
    """How many of all these were left out because the teacher does not trust its mask."""
    edited: int = 0
    """How many of the untouched have a mask that was edited by hand."""
    changed: int = 0
    """How many of all these differ from the photo that an earlier job labelled under this name."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Number of skipped photos, by kind of fault."""

    @property
    def usable(self) -> int:
        """Photos that are labelled now."""
        return self.looked + self.decided + self.untouched

    def __str__(self) -> str:
        share = "" if self.share == WHOLE else f" of share {self.share}"
        lines = [f"{self.folder}: {self.usable} of {self.photos} photos{share} labelled, {self.empty} show nothing"]
        counts = f"{self.looked} looked at, {self.decided} decided from cached findings, {self.untouched} unchanged"
        lines.append(f"  {counts}")
        if self.undecided:
            lines.append(f"  {self.undecided} left out: the teacher does not trust its mask")
        if self.edited:
            lines.append(f"  {self.edited} masks edited by hand were kept; delete one to draw it again")
        if self.changed:
            lines.append(f"  {self.changed} photos changed since the last run")
        if self.skipped:
            kinds = ", ".join(f"{times} {kind}" for kind, times in sorted(self.skipped.items()))
            lines.append(f"  {self.skipped.total()} skipped, named above: {kinds}")
        if self.others:
            lines.append(f"  ignored files of other kinds: {sources.format_counts(self.others)}")
        if self.gone:
            more = ", …" if len(self.gone) > 3 else ""
            names = ", ".join(self.gone[:3])
            lines.append(f"  {len(self.gone)} pairs kept whose photo no longer exists: {names}{more}")
        return "\n".join(lines)
