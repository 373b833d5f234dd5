"""Prefetching for a labelling job: threads hash photos, look them up in sidecars and cache, and decode them ahead."""

import os
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from training.data.photos import read_photo
from training.student.arrays import Pixels
from training.student.digest import sha256
from training.student.errors import BadInput
from training.teacher import cache, sidecar
from training.teacher.cache import CachedFindings
from training.teacher.labelled_folder import LabelledFolder
from training.teacher.protocol import ByPhoto, Teacher
from training.teacher.sidecar import Sidecar
from training.teacher.sources import Source


@dataclass(slots=True)
class PhotoToLabel:
    """A photo to label."""

    source: Source
    teacher: Teacher
    """If it is a `ByPhoto`, the teacher for this photo."""
    provenance: Mapping[str, Any]
    """The teacher's, from `sidecar.provenance`."""
    sha256: str
    changed: bool
    """Whether the photo's bytes changed since an earlier job labelled it."""
    key: str
    """Key of its findings in the cache."""
    cached: CachedFindings | None
    pixels: Pixels | None
    """Decoded and upright; None if the findings were cached."""

    @property
    def area(self) -> int:
        """Number of pixels in memory."""
        return 0 if self.pixels is None else self.pixels.shape[0] * self.pixels.shape[1]


@dataclass(frozen=True, slots=True)
class AlreadyLabelled:
    """A photo that is labelled already."""

    sidecar: Sidecar
    edited: bool = False
    """Somebody edited its mask by hand."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A photo that cannot be labelled."""

    source: Source
    kind: str
    """`unusable` (the photo) or `failed` (the teacher), for the summary."""
    reason: str


PrefetchedPhoto = PhotoToLabel | AlreadyLabelled | Skipped


def prefetch(
    photos: Sequence[Source], teacher: Teacher, to: LabelledFolder, ahead: int
) -> Generator[PrefetchedPhoto, None, None]:
    """Yield each photo in order; at most `ahead` wait in memory."""
    # Computed once: hashing its weights may read gigabytes.
    provenance = {} if isinstance(teacher, ByPhoto) else sidecar.provenance(teacher)
    waiting: deque[Future[PrefetchedPhoto]] = deque()
    pool = ThreadPoolExecutor(min(ahead, os.cpu_count() or 1))
    try:
        for source in photos:
            waiting.append(pool.submit(_load, source, teacher, provenance, to))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _load(source: Source, teacher: Teacher, provenance: Mapping[str, Any], to: LabelledFolder) -> PrefetchedPhoto:
    try:
        digest = sha256(source.path)
        if isinstance(teacher, ByPhoto):
            teacher = teacher.of(source.file)
            provenance = sidecar.provenance(teacher)
        before = to.sidecar(source.name)
        changed = before is not None and before.photo.sha256 != digest
        if before and not changed and to.is_edited(source, before):
            return AlreadyLabelled(before, edited=True)
        if before and before.matches(digest, provenance) and to.is_complete(source, before):
            return AlreadyLabelled(before)
        key = cache.findings_key(digest, provenance, teacher.settings.decide_only)
        cached = to.cache.get(key)
        pixels = read_photo(source.path) if cached is None else None
        return PhotoToLabel(source, teacher, provenance, digest, changed, key, cached, pixels)
    except BadInput as error:
        return Skipped(source, "unusable", str(error))
    except OSError as error:
        return Skipped(source, "unusable", f"cannot read {source.path}: {error.strerror}")
