"""The photos that were given to the page, in memory alone: a few, of which the oldest go first."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from conversion.demo.models import Inference
from training.data.photos import read_photo
from training.data.preview import shrunk
from training.student.arrays import Pixels
from training.student.errors import BadInput

MOST_BYTES = 40 * 2**20
"""Of one photo's file; a phone's has less than 20 MB, and `read_photo` limits its pixels."""

KEPT_PHOTOS = 4
"""How many photos are kept. The page shows one at a time."""

DRAWN_SIDE = 960
"""Pixels of the longer side of the drawn pictures, so that a page of six artefacts stays responsive.

The network always gets the photo itself."""

_NAME = Path("this photo")
"""What messages call it. A file's name is known to the browser alone."""


@dataclass(slots=True)
class KeptPhoto:
    """A photo, and what the models said of it so far."""

    encoded: bytes
    """Its file. The decoded photo may be fifty times as large."""
    size: tuple[int, int]
    """(rows, columns) of the photo."""
    drawn: Pixels
    """(rows, columns, 3) RGB, shrunk to `DRAWN_SIDE`."""
    inferences: dict[str, Inference] = field(default_factory=dict)
    """By the model's name."""

    def decode(self) -> Pixels:
        """(rows, columns, 3) RGB."""
        return read_photo(_NAME, self.encoded)


class KeptPhotos:
    """The last `KEPT_PHOTOS` photos. Their keys cannot be guessed. Safe to use from several threads."""

    def __init__(self) -> None:
        self._photos: OrderedDict[str, KeptPhoto] = OrderedDict()
        self._lock = Lock()

    def keep(self, encoded: bytes) -> str:
        """Check a photo's file and keep it; its key.

        Raises:
            BadInput: As `read_photo`.
        """
        photo = read_photo(_NAME, encoded)
        key = secrets.token_urlsafe(8)
        with self._lock:
            self._photos[key] = KeptPhoto(encoded, (photo.shape[0], photo.shape[1]), shrunk(photo, DRAWN_SIDE))
            while len(self._photos) > KEPT_PHOTOS:
                self._photos.popitem(last=False)
        return key

    def find(self, key: str) -> KeptPhoto:
        """The photo of that key, which is now the newest.

        Raises:
            BadInput: It is no longer kept.
        """
        with self._lock:
            if key not in self._photos:
                raise BadInput("this photo is no longer kept; give it again")
            self._photos.move_to_end(key)
            return self._photos[key]
