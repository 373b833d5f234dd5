"""The labelling job: draws masks on the photos of a folder in batches. It may be stopped at any time, and resumes.

Each photo is hashed first. If its sidecar has the same hash, teacher, settings, weights and phrases, the photo is
skipped. If its findings are cached, only `decide` runs. Otherwise `look` runs too.
"""

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Never

from tqdm import tqdm

from training.student.errors import BadInput
from training.student.exhaustion import is_out_of_memory
from training.teacher.cache import CachedFindings
from training.teacher.job_summary import JobSummary
from training.teacher.labelled_folder import LabelledFolder
from training.teacher.phrases import class_names
from training.teacher.prefetch import AlreadyLabelled, PhotoToLabel, PrefetchedPhoto, Skipped, prefetch
from training.teacher.protocol import Decision, Findings, Teacher, UnusableTeacher
from training.teacher.shard import WHOLE, Shard
from training.teacher.sidecar import InstanceRecord, PhotoRecord, Sidecar
from training.teacher.sources import Sources

WRITERS = 2
"""Threads that compress masks and findings; for many teachers this takes as long as `look`."""

MOST_PIXELS = 100_000_000
"""A batch with more pixels takes no further photos, so that large photos do not fill the memory."""


def label_photos(
    found: Sources, teacher: Teacher, to: LabelledFolder, *, share: Shard = WHOLE, batch: int = 8
) -> JobSummary:
    """Label photos, except those that are labelled already. Names photos that cannot be labelled on standard error.

    Args:
        found: The photos of a folder.
        teacher: Draws the masks.
        to: The folder for the pairs.
        share: Which of the photos this process labels.
        batch: Photos per call of `look`. Halved if memory runs out.

    Raises:
        BadInput: No photo could be labelled, or the folder holds other files, or cannot be written to, or is full.
    """
    if found.folder.resolve().is_relative_to(to.folder.resolve()):
        raise BadInput(f"the photos lie in {to.folder}, where their masks should go; choose another folder")
    to.prepare(class_names(teacher.phrases))
    photos = share.of(found.photos)
    gone = sorted(to.names() - {photo.name for photo in found.photos})
    summary = JobSummary(to.folder, share, len(photos), others=found.others, gone=tuple(gone))
    pause = 0.1 if sys.stderr.isatty() else 30  # seconds; a log should not fill with bars
    bar = tqdm(total=len(photos), desc="label", unit=" photos", mininterval=pause)
    with bar, closing(prefetch(photos, teacher, to, batch)) as prefetched, ThreadPoolExecutor(WRITERS) as writers:
        job = _Job(to, summary, batch, bar, writers)
        for photo in prefetched:
            job.take(photo)
        job.end()
    # All photos of one share may be bad while other shares have good ones.
    if photos and not summary.usable and not to.names():
        raise BadInput(f"none of {len(photos)} photos of {found.folder} could be labelled; each is named above")
    return summary


class _Job:
    def __init__(
        self, to: LabelledFolder, summary: JobSummary, batch: int, bar: "tqdm[Never]", writers: Executor
    ) -> None:
        self.to = to
        self.summary = summary
        self.batch = batch
        self.bar = bar
        self.writers = writers
        self.waiting: list[PhotoToLabel] = []
        self.writing: deque[Future[None]] = deque()

    def take(self, photo: PrefetchedPhoto) -> None:
        if isinstance(photo, Skipped):
            self._skip(photo)
        elif isinstance(photo, AlreadyLabelled):
            self.summary.untouched += 1
            self.summary.empty += photo.sidecar.empty
            self.summary.undecided += photo.sidecar.undecided
            self.summary.edited += photo.edited
            self.bar.update()
        elif photo.cached:
            self.summary.decided += self._finish(photo, photo.cached)
        else:
            # A `ByPhoto` gives a teacher for one photo, which must not be asked for another.
            if self.waiting and self.waiting[0].teacher is not photo.teacher:
                self._look_at_waiting()
            self.waiting.append(photo)
            if len(self.waiting) >= self.batch or sum(each.area for each in self.waiting) >= MOST_PIXELS:
                self._look_at_waiting()

    def end(self) -> None:
        """Label the photos that still wait, and finish writing."""
        self._look_at_waiting()
        while self.writing:
            self.writing.popleft().result()

    def _look_at_waiting(self) -> None:
        waiting, self.waiting = self.waiting, []
        if waiting:
            self._look(waiting)

    def _look(self, photos: Sequence[PhotoToLabel]) -> None:
        """Run `look` on a batch. If it fails, try each half, so that one bad photo costs only itself."""
        started = time.perf_counter()
        found = _findings(photos)
        if not isinstance(found, Exception):
            seconds = (time.perf_counter() - started) / len(photos)
            for photo, findings in zip(photos, found, strict=True):
                photo.pixels = None
                cached = CachedFindings(findings, seconds)
                self._write(self.to.cache.put, photo.key, cached)
                self.summary.looked += self._finish(photo, cached)
        elif len(photos) == 1:
            self._fail(photos[0], found)
        else:
            half = len(photos) // 2
            if is_out_of_memory(found):
                self.batch = min(self.batch, half)
                if torch := sys.modules.get("torch"):
                    torch.cuda.empty_cache()
            self._look(photos[:half])
            self._look(photos[half:])

    def _finish(self, photo: PhotoToLabel, cached: CachedFindings) -> bool:
        """Run `decide` and write the pair; False if either fails."""
        started = time.perf_counter()
        try:
            decision = photo.teacher.decide(cached.findings)
            decision.check(cached.findings.size, len(photo.teacher.phrases))
        except Exception as error:  # any error of a teacher counts against this photo alone
            self._fail(photo, error)
            return False
        if not photo.source.path.is_file():
            self._skip(Skipped(photo.source, "unusable", f"{photo.source.path} was deleted during the job"))
            return False
        sidecar = _sidecar(photo, decision, cached.seconds + time.perf_counter() - started)
        self._write(self.to.write_pair, photo.source, decision.mask, sidecar)
        self.summary.empty += sidecar.empty
        self.summary.undecided += sidecar.undecided
        self.summary.changed += photo.changed
        self.bar.update()
        return True

    def _write(self, work: Callable[..., None], *arguments: object) -> None:
        """Write in another thread; wait if too many writes are pending."""
        self.writing.append(self.writers.submit(work, *arguments))
        while len(self.writing) > self.batch:
            self.writing.popleft().result()

    def _fail(self, photo: PhotoToLabel, error: Exception) -> None:
        fault = f"{type(error).__name__}: {' '.join(str(error).split())}"
        reason = str(error) if isinstance(error, BadInput) else f"{photo.teacher.name} on {photo.source.path}: {fault}"
        self._skip(Skipped(photo.source, "failed", reason))

    def _skip(self, photo: Skipped) -> None:
        self.bar.write(f"skipped: {photo.reason}", file=sys.stderr)
        self.summary.skipped[photo.kind] += 1
        self.to.remove_partial(photo.source)
        self.bar.update()


def _findings(photos: Sequence[PhotoToLabel]) -> list[Findings] | Exception:
    pixels = [photo.pixels for photo in photos if photo.pixels is not None]
    try:
        found = photos[0].teacher.look(pixels)
        sizes, expected = [each.size for each in found], [each.shape[:2] for each in pixels]
        if sizes != expected:
            raise ValueError(f"findings on photos of {sizes}, expected {expected} (rows, columns)")
        return found
    except UnusableTeacher:
        raise
    except Exception as error:  # any other error of a teacher counts against this batch alone
        # Drop the traceback: its frames keep the memory that ran out.
        return error.with_traceback(None)


def _sidecar(photo: PhotoToLabel, decision: Decision, seconds: float) -> Sidecar:
    rows, columns = decision.mask.shape
    return Sidecar(
        photo=PhotoRecord(file=photo.source.file, sha256=photo.sha256, rows=rows, columns=columns),
        **photo.provenance,
        instances=tuple(InstanceRecord(**asdict(instance)) for instance in decision.instances),
        score=decision.score,
        empty=decision.empty and not decision.undecided,
        undecided=decision.undecided,
        seconds=round(seconds, 4),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )
