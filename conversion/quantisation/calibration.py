"""Calibration: training photos on which quantisation measures the range of each tensor; never held-out ones."""

import hashlib
from dataclasses import dataclass

from training.data.photos import read_photo
from training.run import Run
from training.student.arrays import Pixels
from training.student.contract import Contract
from training.student.digest import sha256
from training.student.errors import BadInput
from training.student.preprocess import preprocess

PHOTOS = 32
"""More photos change little, since ranges are means over photos."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The inputs on which ranges are measured, and the photos that they were made from."""

    inputs: tuple[Pixels, ...]
    """(height, width, 3) each, preprocessed."""
    sha256: str
    """Over the SHA-256 of the photos' files, in order."""


def from_run(run: Run, contract: Contract, photos: int = PHOTOS) -> Calibration:
    """Photos from the run's training pairs, evenly spaced in their order.

    Raises:
        BadInput: The data folder is gone or has changed, or a held-out photo is also a training photo.
    """
    pairs = run.training()
    step = max(1, len(pairs) // photos)
    chosen = pairs[::step][:photos]
    if both := {pair.name for pair in chosen} & {pair.name for pair in run.held_out()}:
        raise BadInput(f"{run.record} holds {min(both)} out and learns from it; delete {run.folder} and train again")
    total = hashlib.sha256()
    for pair in chosen:
        total.update(bytes.fromhex(sha256(pair.photo)))
    return Calibration(tuple(preprocess(read_photo(pair.photo), contract) for pair in chosen), total.hexdigest())
