"""Golden vectors: photos, logits and what the Python reference makes of them, for Swift and Kotlin to reproduce.

docs/golden.md specifies the files and the arithmetic, so that an app can be written from it without reading
Python. The inputs are noise, edges and ties, not photos: what they are for is to tell wrong arithmetic apart.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.student.aside import write_text
from training.student.contract import Contract
from training.student.postprocess import postprocess
from training.student.preprocess import preprocess
from training.student.resize import Floats, bilinear

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Resize:
    """Values to be resized."""

    values: Floats
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Preprocess:
    """A photo to be made an input."""

    contract: Contract
    photo: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Postprocess:
    """Logits to be made the mask of a photo of `height` × `width`."""

    contract: Contract
    logits: Floats
    height: int
    width: int


def write(folder: Path) -> None:
    """Write `resize.json`, `preprocess.json` and `postprocess.json` into `folder`; the same bytes every time.

    Raises:
        BadInput: The folder cannot be written to.
    """
    files = {
        "resize": {name: _resize_vector(case) for name, case in RESIZE.items()},
        "preprocess": {name: _preprocess_vector(case) for name, case in PREPROCESS.items()},
        "postprocess": {name: _postprocess_vector(case) for name, case in POSTPROCESS.items()},
    }
    for stem, vectors in files.items():
        listed = [{"name": name, **vector} for name, vector in vectors.items()]
        write_text(folder / f"{stem}.json", json.dumps({"schema": SCHEMA, "vectors": listed}, indent=1) + "\n")


def _resize_vector(case: Resize) -> dict[str, Any]:
    resized = bilinear(case.values, case.height, case.width)
    return {"values": _tensor(case.values), "resized": _tensor(resized)}


def _preprocess_vector(case: Preprocess) -> dict[str, Any]:
    return {
        "contract": json.loads(case.contract.to_json()),
        "photo": _tensor(case.photo),
        "input": _tensor(preprocess(case.photo, case.contract)),
    }


def _postprocess_vector(case: Postprocess) -> dict[str, Any]:
    return {
        "contract": json.loads(case.contract.to_json()),
        "logits": _tensor(case.logits),
        "mask": _tensor(postprocess(case.logits, case.contract, case.height, case.width)),
    }


def _tensor(values: NDArray[Any]) -> dict[str, Any]:
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return {"type": values.dtype.name, "shape": list(values.shape), "data": base64.b64encode(data).decode()}


def _raw(seed: int, shape: tuple[int, ...], bits: int) -> NDArray[np.uint64]:
    # numpy promises the stream of a bit generator for ever, but that of no distribution drawn from it.
    drawn = np.random.PCG64(seed).random_raw(int(np.prod(shape)))
    return (np.asarray(drawn, np.uint64) >> np.uint64(64 - bits)).reshape(shape)


def _photo(seed: int, rows: int, columns: int) -> NDArray[np.uint8]:
    return _raw(seed, (rows, columns, 3), 8).astype(np.uint8)


def _logits(seed: int, *shape: int) -> Floats:
    """Noise from -8 to 8."""
    return _raw(seed, shape, 24).astype(np.float32) / np.float32(2**20) - np.float32(8)


def _few_levels(seed: int, *shape: int) -> Floats:
    """Noise of the whole numbers 0 to 3, so that channels often tie."""
    return _raw(seed, shape, 2).astype(np.float32)


def _around(value: float) -> Floats:
    """(1, 4, 4) of the two float32 below `value`, `value`, and the one above."""
    middle, low, high = np.float32(value), np.float32(-np.inf), np.float32(np.inf)
    below = np.nextafter(middle, low)
    around = [np.nextafter(below, low), below, middle, np.nextafter(middle, high)]
    return np.array(around, np.float32).repeat(4).reshape(1, 4, 4)


def _binary(height: int, width: int, stride: int = 4, *, threshold: float = 0.0, open: int = 0) -> Contract:
    return Contract(height, width, stride, ("coin",), threshold, open)


_STREET = Contract(12, 20, 4, ("sky", "road", "tree", "car", "cyclist"))

RESIZE: Mapping[str, Resize] = MappingProxyType(
    {
        "up, odd": Resize(_logits(1, 5, 7, 1), 13, 24),
        "up, two channels": Resize(_logits(2, 3, 4, 2), 11, 9),
        "down": Resize(_logits(3, 31, 45, 1), 7, 8),
        "down by 29": Resize(_logits(4, 29, 58, 1), 1, 2),
        "taller, narrower": Resize(_logits(5, 4, 17, 1), 15, 5),
        "same size": Resize(_logits(6, 3, 5, 1), 3, 5),
        "from one": Resize(_logits(7, 1, 1, 1), 4, 3),
        "to one": Resize(_logits(8, 6, 5, 1), 1, 1),
        "one row": Resize(_logits(9, 1, 6, 1), 3, 13),
        "one column": Resize(_logits(10, 6, 1, 1), 13, 3),
    }
)

PREPROCESS: Mapping[str, Preprocess] = MappingProxyType(
    {
        "up, odd": Preprocess(_binary(20, 12), _photo(11, 9, 7)),
        "down by 12": Preprocess(_binary(8, 12), _photo(12, 97, 131)),
        "landscape to portrait": Preprocess(_binary(16, 8), _photo(13, 10, 33)),
        "same size": Preprocess(_binary(8, 12), _photo(14, 8, 12)),
        "halved, so that halves are rounded": Preprocess(_binary(12, 16), _photo(15, 24, 32)),
        "one pixel": Preprocess(_binary(4, 8), _photo(16, 1, 1)),
        "one row": Preprocess(_binary(8, 8), _photo(17, 1, 19)),
        "one column": Preprocess(_binary(8, 8), _photo(18, 19, 1)),
        "black and white": Preprocess(_binary(12, 16), _photo(19, 7, 5) // np.uint8(128) * np.uint8(255)),
        "several classes": Preprocess(_STREET, _photo(20, 17, 23)),
    }
)

POSTPROCESS: Mapping[str, Postprocess] = MappingProxyType(
    {
        "odd": Postprocess(_binary(16, 24), _logits(21, 1, 4, 6), 37, 53),
        "portrait": Postprocess(_binary(24, 16), _logits(22, 1, 6, 4), 71, 29),
        "stride 1, shrunk": Postprocess(_binary(16, 24, 1), _logits(23, 1, 16, 24), 7, 11),
        "stride 2": Postprocess(_binary(16, 12, 2), _logits(24, 1, 8, 6), 19, 21),
        "one logit": Postprocess(_binary(4, 4), _logits(25, 1, 1, 1), 3, 5),
        "to one pixel": Postprocess(_binary(16, 24), _logits(26, 1, 4, 6), 1, 1),
        "threshold above 0": Postprocess(_binary(16, 24, threshold=1.7), _logits(27, 1, 4, 6), 40, 41),
        "threshold below 0": Postprocess(_binary(16, 24, threshold=-2.25), _logits(28, 1, 4, 6), 41, 40),
        "at threshold 0": Postprocess(_binary(4, 4, 1), _few_levels(29, 1, 4, 4) - np.float32(1), 4, 4),
        # The float32 nearest to 0.3 lies above it: compared as float64, equal would count as above.
        "at threshold 0.3": Postprocess(_binary(4, 4, 1, threshold=0.3), _around(0.3), 4, 4),
        "open 1": Postprocess(_binary(16, 24, 1, open=1), _logits(30, 1, 16, 24), 16, 24),
        "open 3": Postprocess(_binary(24, 32, 1, threshold=-4, open=3), _logits(31, 1, 24, 32), 24, 32),
        "open 5": Postprocess(_binary(32, 40, threshold=-1, open=5), _logits(32, 1, 8, 10), 47, 61),
        "open 7": Postprocess(_binary(32, 40, threshold=-1.5, open=7), _logits(33, 1, 8, 10), 63, 59),
        "open wider than the photo": Postprocess(_binary(8, 8, open=7), np.abs(_logits(34, 1, 2, 2)), 3, 4),
        "classes": Postprocess(_STREET, _logits(35, 5, 3, 5), 31, 43),
        "classes, tied": Postprocess(_STREET, _few_levels(36, 5, 3, 5), 12, 20),
        "two classes, shrunk": Postprocess(Contract(16, 24, 1, ("background", "coin")), _logits(37, 2, 16, 24), 9, 7),
    }
)
