"""Labelling as a job: any number of photos, a batch at a time; stopped anywhere, it goes on from there.

Of each photo the bytes are digested first. Where its sidecar tells of the same bytes, teacher, settings, weights and
phrases, nothing is done; where the findings were kept, the teacher decides anew; else it looks.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Never

import numpy as np
from tqdm import tqdm

from training.student.errors import BadInput
from training.student.metrics import IGNORED
from training.teacher import sidecar
from training.teacher.arrivals import Arrived, Skipped, Untouched, arrivals
from training.teacher.cache import Kept
from training.teacher.labelled import Labelled
from training.teacher.phrases import classes
from training.teacher.protocol import Decision, Findings, Teacher
from training.teacher.shard import WHOLE, Shard
from training.teacher.sidecar import Shown, Sidecar
from training.teacher.sources import Sources
from training.teacher.tally import Tally

MOST_PIXELS = 100_000_000
"""A batch that holds more is complete, so that large photos do not fill the memory."""


def label(found: Sources, teacher: Teacher, to: Labelled, *, share: Shard = WHOLE, batch: int = 8) -> Tally:
    """Label photos, except those that are labelled already. Photos that cannot be are named on standard error.

    Args:
        found: The photos; those of the share are labelled.
        teacher: Asked for several photos at once where they need looking at.
        to: Where the pairs go.
        share: Of this process.
        batch: Photos at once. Halved where memory runs out.

    Raises:
        BadInput: None could be labelled, or the folder holds something else, cannot be written to or is full.
    """
    to.prepare(classes(teacher.phrases))
    photos = share.of(found.photos)
    gone = sorted(to.names() - {photo.name for photo in found.photos})
    tally = Tally(to.folder, share, len(photos), others=found.others, gone=tuple(gone))
    bar = tqdm(total=len(photos), desc="label", unit=" photos", disable=None)
    with bar, closing(arrivals(photos, teacher, to, batch)) as arriving:
        job = _Job(to, tally, batch, bar)
        for photo in arriving:
            job.take(photo)
        job.look()
    # A share may well be all bad; the others have something to show.
    if photos and not tally.usable and not to.names():
        raise BadInput(f"none of {len(photos)} photos of {found.folder} could be labelled; each is named above")
    return tally


class _Job:
    def __init__(self, to: Labelled, tally: Tally, batch: int, bar: "tqdm[Never]") -> None:
        self.to = to
        self.tally = tally
        self.batch = batch
        self.bar = bar
        self.waiting: list[Arrived] = []

    def take(self, photo: Arrived | Untouched | Skipped) -> None:
        if isinstance(photo, Skipped):
            self._skip(photo)
        elif isinstance(photo, Untouched):
            self.tally.untouched += 1
            self.tally.empty += photo.about.empty
            self.tally.undecided += photo.about.undecided
            self.bar.update()
        elif photo.kept:
            self.tally.decided += self._finish(photo, photo.kept)
        else:
            # A teacher of one photo alone cannot be asked for others.
            if self.waiting and self.waiting[0].teacher is not photo.teacher:
                self.look()
            self.waiting.append(photo)
            if len(self.waiting) >= self.batch or sum(each.area for each in self.waiting) >= MOST_PIXELS:
                self.look()

    def look(self) -> None:
        """Look at all that wait."""
        waiting, self.waiting = self.waiting, []
        if waiting:
            self._look(waiting)

    def _look(self, photos: Sequence[Arrived]) -> None:
        """Look at photos of one teacher; where it fails, at half of them at a time, so that one fault costs one."""
        started = time.perf_counter()
        found = _findings(photos)
        if not isinstance(found, Exception):
            seconds = (time.perf_counter() - started) / len(photos)
            for photo, findings in zip(photos, found, strict=True):
                photo.pixels = None
                kept = Kept(findings, seconds)
                self.to.cache.put(photo.key, kept)
                self.tally.looked += self._finish(photo, kept)
        elif len(photos) == 1:
            self._fail(photos[0], found)
        else:
            half = len(photos) // 2
            if _is_out_of_memory(found):
                self.batch = min(self.batch, half)
            self._look(photos[:half])
            self._look(photos[half:])

    def _finish(self, photo: Arrived, kept: Kept) -> bool:
        """Decide and write; False where that cannot be."""
        started = time.perf_counter()
        try:
            decision = photo.teacher.decide(kept.findings)
            _check(decision, kept.findings.size, len(photo.teacher.phrases))
        except Exception as error:  # whatever a teacher raises is this photo's alone
            self._fail(photo, error)
            return False
        if not photo.source.path.is_file():
            self._skip(Skipped(photo.source, "unusable", f"{photo.source.path} vanished meanwhile"))
            return False
        about = _about(photo, decision, kept.seconds + time.perf_counter() - started)
        self.to.put(photo.source, decision.mask, about)
        self.tally.empty += about.empty
        self.tally.undecided += about.undecided
        self.tally.changed += photo.changed
        self.bar.update()
        return True

    def _fail(self, photo: Arrived, error: Exception) -> None:
        fault = f"{type(error).__name__}: {' '.join(str(error).split())}"
        told = str(error) if isinstance(error, BadInput) else f"{photo.teacher.name} on {photo.source.path}: {fault}"
        self._skip(Skipped(photo.source, "failed", told))

    def _skip(self, photo: Skipped) -> None:
        self.bar.write(f"skipped: {photo.reason}", file=sys.stderr)
        self.tally.skipped[photo.kind] += 1
        self.to.give_up(photo.source)
        self.bar.update()


def _findings(photos: Sequence[Arrived]) -> list[Findings] | Exception:
    try:
        found = photos[0].teacher.look([photo.pixels for photo in photos if photo.pixels is not None])
        if len(found) != len(photos):
            raise ValueError(f"{len(found)} findings of {len(photos)} photos")
        return found
    except Exception as error:  # whatever a teacher raises is this batch's alone
        # Without its frames, which hold on to the memory that ran out.
        return error.with_traceback(None)


def _about(photo: Arrived, decision: Decision, seconds: float) -> Sidecar:
    rows, columns = decision.mask.shape
    return Sidecar(
        photo=sidecar.Photo(file=photo.source.file, sha256=photo.sha256, rows=rows, columns=columns),
        **sidecar.origin(photo.teacher),
        instances=tuple(Shown(**asdict(instance)) for instance in decision.instances),
        score=decision.score,
        empty=not decision.undecided and not np.any((decision.mask > 0) & (decision.mask < IGNORED)),
        undecided=decision.undecided,
        seconds=round(seconds, 4),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _check(decision: Decision, size: tuple[int, int], phrases: int) -> None:
    mask = decision.mask
    if mask.shape != size or mask.dtype != np.uint8:
        raise ValueError(f"a mask of {mask.shape} {mask.dtype}, expected {size} uint8")
    known = np.isin(mask, [*range(phrases + 1), *([IGNORED] if phrases > 1 else [])])
    if not known.all():
        raise ValueError(f"a mask with value {mask[~known][0]}, expected 0 to {phrases}")


def _is_out_of_memory(error: Exception) -> bool:
    if not isinstance(error, MemoryError) and type(error).__name__ != "OutOfMemoryError":
        return False
    if torch := sys.modules.get("torch"):
        torch.cuda.empty_cache()
    return True
