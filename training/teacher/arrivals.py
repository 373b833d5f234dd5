"""Photos on their way into a labelling job: digested, looked up and decoded by other threads, a little ahead."""

import hashlib
import os
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from training.data.photos import read_photo
from training.student.errors import BadInput
from training.teacher import cache, sidecar
from training.teacher.cache import Kept
from training.teacher.labelled import Labelled
from training.teacher.protocol import ByPhoto, Pixels, Teacher
from training.teacher.sidecar import Sidecar
from training.teacher.sources import Source


@dataclass(slots=True)
class Arrived:
    """A photo to label."""

    source: Source
    teacher: Teacher
    """Of this photo alone where it goes by name."""
    sha256: str
    changed: bool
    """Since an earlier job labelled it."""
    key: str
    """Of its findings."""
    kept: Kept | None
    pixels: Pixels | None
    """Upright; None where the findings were kept."""

    @property
    def area(self) -> int:
        """Pixels in memory."""
        return 0 if self.pixels is None else self.pixels.shape[0] * self.pixels.shape[1]


@dataclass(frozen=True, slots=True)
class Untouched:
    """A photo that is labelled already."""

    about: Sidecar


@dataclass(frozen=True, slots=True)
class Skipped:
    """A photo that cannot be labelled."""

    source: Source
    kind: str
    """For counting."""
    reason: str


def arrivals(
    photos: Sequence[Source], teacher: Teacher, to: Labelled, ahead: int
) -> Generator[Arrived | Untouched | Skipped, None, None]:
    """Each photo in order; at most `ahead` wait in memory."""
    waiting: deque[Future[Arrived | Untouched | Skipped]] = deque()
    pool = ThreadPoolExecutor(min(ahead, os.cpu_count() or 1))
    try:
        for source in photos:
            waiting.append(pool.submit(_arrive, source, teacher, to))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _arrive(source: Source, teacher: Teacher, to: Labelled) -> Arrived | Untouched | Skipped:
    try:
        with source.path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        own = teacher.of(source.file) if isinstance(teacher, ByPhoto) else teacher
        before = to.sidecar(source.name)
        if before and before.is_of(sha256, sidecar.origin(own)) and to.is_whole(source, before):
            return Untouched(before)
        changed = before is not None and before.photo.sha256 != sha256
        key = cache.key(sha256, own)
        kept = to.cache.get(key)
        pixels = read_photo(source.path) if kept is None else None
        return Arrived(source, own, sha256, changed, key, kept, pixels)
    except BadInput as error:
        return Skipped(source, "unusable", str(error))
    except OSError as error:
        return Skipped(source, "unusable", f"cannot read {source.path}: {error.strerror}")
