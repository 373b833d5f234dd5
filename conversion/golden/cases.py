"""The inputs of the golden vectors: noise, edges and ties, which show wrong arithmetic; no photos."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from training.student.arrays import Floats
from training.student.contract import Contract
from training.student.postprocess import Mask


@dataclass(frozen=True, slots=True)
class Resize:
    """Values to resize to `height` × `width`."""

    values: Floats
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Preprocess:
    """A photo to turn into an input."""

    contract: Contract
    photo: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Postprocess:
    """Logits to turn into the mask of a photo of `height` × `width`."""

    contract: Contract
    logits: Floats
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Overlay:
    """A photo to tint by its mask."""

    photo: NDArray[np.uint8]
    mask: Mask
    classes: int


@dataclass(frozen=True, slots=True)
class CutOut:
    """A photo whose background becomes transparent."""

    photo: NDArray[np.uint8]
    foreground: Mask
    feather: int


@dataclass(frozen=True, slots=True)
class Background:
    """A photo whose background is blurred."""

    photo: NDArray[np.uint8]
    foreground: Mask
    feather: int
    radius: int


@dataclass(frozen=True, slots=True)
class Smooth:
    """Logits to smooth with those of the previous frame."""

    previous: Floats
    logits: Floats
    rate: float


def _raw(seed: int, shape: tuple[int, ...], bits: int) -> NDArray[np.uint64]:
    # numpy promises the stream of a bit generator for ever, but that of no distribution drawn from it.
    drawn = np.random.PCG64(seed).random_raw(int(np.prod(shape)))
    return (np.asarray(drawn, np.uint64) >> np.uint64(64 - bits)).reshape(shape)


def _photo(seed: int, rows: int, columns: int) -> NDArray[np.uint8]:
    return _raw(seed, (rows, columns, 3), 8).astype(np.uint8)


def _logits(seed: int, *shape: int) -> Floats:
    """Noise from -8 to 8."""
    return _raw(seed, shape, 24).astype(np.float32) / np.float32(2**20) - np.float32(8)


def _blobs(seed: int, rows: int, columns: int, values: int) -> Mask:
    """Class indices in squares of 3 × 3 pixels."""
    drawn = _raw(seed, (-(-rows // 3), -(-columns // 3)), 16) % np.uint64(values)
    return drawn.astype(np.uint8).repeat(3, axis=0).repeat(3, axis=1)[:rows, :columns]


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

_STEP = np.repeat(np.array([[1, 0]], np.uint8), (12, 3), axis=1)

OVERLAY: Mapping[str, Overlay] = MappingProxyType(
    {
        "binary": Overlay(_photo(41, 13, 17), _blobs(42, 13, 17, 2), 1),
        "five classes": Overlay(_photo(43, 19, 23), _blobs(44, 19, 23, 5), 5),
        "fifteen classes, colours come again": Overlay(_photo(45, 16, 16), _blobs(46, 16, 16, 15), 15),
        "not judged": Overlay(_photo(47, 9, 8), np.where(_blobs(48, 9, 8, 3) == 2, 255, 1).astype(np.uint8), 3),
        "one pixel": Overlay(_photo(49, 1, 1), np.ones((1, 1), np.uint8), 1),
        "one row": Overlay(_photo(50, 1, 14), _blobs(51, 1, 14, 2), 1),
    }
)

CUT_OUT: Mapping[str, CutOut] = MappingProxyType(
    {
        "hard": CutOut(_photo(52, 11, 15), _blobs(53, 11, 15, 2), 0),
        "feather 1": CutOut(_photo(54, 15, 11), _blobs(55, 15, 11, 2), 1),
        "feather 3": CutOut(_photo(56, 21, 18), _blobs(57, 21, 18, 2), 3),
        "feather wider than the photo": CutOut(_photo(58, 3, 4), _blobs(59, 3, 4, 2), 9),
    }
)

BACKGROUND: Mapping[str, Background] = MappingProxyType(
    {
        "radius 1": Background(_photo(60, 12, 14), _blobs(61, 12, 14, 2), 0, 1),
        "radius 4, feather 1": Background(_photo(62, 24, 19), _blobs(63, 24, 19, 2), 1, 4),
        "wider than the photo": Background(_photo(64, 5, 7), _blobs(65, 5, 7, 2), 1, 20),
        "all foreground": Background(_photo(66, 6, 5), np.ones((6, 5), np.uint8), 1, 2),
        "no foreground": Background(_photo(67, 8, 9), np.zeros((8, 9), np.uint8), 2, 3),
        "foreground as far as the blur reaches": Background(
            _photo(68, 1, 15), (np.arange(15) < 12)[None].astype(np.uint8), 0, 2
        ),
    }
)

SMOOTH: Mapping[str, Smooth] = MappingProxyType(
    {
        "rate 0.3": Smooth(_logits(69, 1, 5, 7), _logits(70, 1, 5, 7), 0.3),
        "rate 0.75, two channels": Smooth(_logits(71, 2, 4, 3), _logits(72, 2, 4, 3), 0.75),
        "from nothing, where the rate's last bit shows": Smooth(
            np.zeros((1, 6, 6), np.float32), _logits(76, 1, 6, 6), 0.3
        ),
        "rate 1": Smooth(_logits(73, 1, 4, 4), _logits(74, 1, 4, 4), 1.0),
    }
)
