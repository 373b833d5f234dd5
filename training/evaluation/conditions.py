"""Conditions under which robustness is measured: other resizers, aspect ratios, JPEG, noise, low light, rotation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from PIL import Image

from training.student.arrays import Pixels
from training.student.contract import Contract
from training.student.metrics import IGNORED
from training.student.postprocess import Mask, postprocess
from training.student.preprocess import preprocess
from training.student.resize import bilinear

RESIZER_BUDGET = 0.002
"""IoU that a phone's resizer may cost at most."""


@dataclass(frozen=True, slots=True)
class Sample:
    """An input and the mask that the student should give."""

    input: Pixels
    """(height, width, 3), as the contract says."""
    reference: Pixels
    """(rows, columns) class indices; 255 where there is no photo, which does not count."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One way to change a photo."""

    apply: Callable[[Pixels, Pixels, Contract], Sample]
    """From photo, mask and contract to the sample."""
    is_phone: bool = False
    """Whether it is a resizer that phones use in place of the contract's."""


def ideal_mask(condition: Condition, mask: Pixels, contract: Contract) -> Mask:
    """The mask that a perfect student would give for a photo that was resized in another way.

    Its logits are the share of each class at each place, of the mask resized in that way. No training can win back the
    IoU that it loses.

    Args:
        condition: A resizer; conditions that change colours or the frame will not do.
        mask: (rows, columns) class indices.
        contract: Gives the logits' places and the post-processing.
    """
    channels, rows, columns = contract.logits_shape
    values = [1] if contract.is_binary else range(channels)
    planes = [np.where(mask == value, np.uint8(255), np.uint8(0))[..., None].repeat(3, axis=2) for value in values]
    seen = np.stack([condition.apply(plane, mask, contract).input[..., 0] for plane in planes])
    shares = seen.reshape(channels, rows, contract.stride, columns, contract.stride).mean((2, 4), dtype=np.float32)
    logits = shares - np.float32(127.5 - contract.threshold) if contract.is_binary else shares
    return postprocess(logits, contract, *mask.shape)


def _resize_with(resize: Callable[[Pixels, int, int], Pixels]) -> Callable[[Pixels, Pixels, Contract], Sample]:
    return lambda photo, mask, contract: Sample(resize(photo, contract.height, contract.width), mask)


def _corrupt_with(spoil: Callable[[Pixels], Pixels]) -> Callable[[Pixels, Pixels, Contract], Sample]:
    return lambda photo, mask, contract: Sample(preprocess(spoil(photo), contract), mask)


def _opencv(kernel: int) -> Callable[[Pixels, int, int], Pixels]:
    return lambda photo, rows, columns: np.asarray(cv2.resize(photo, (columns, rows), interpolation=kernel), np.uint8)


def _pillow(kernel: Image.Resampling) -> Callable[[Pixels, int, int], Pixels]:
    return lambda photo, rows, columns: np.array(Image.fromarray(photo).resize((columns, rows), kernel))


def _from_corners(photo: Pixels, rows: int, columns: int) -> Pixels:
    """Bilinear, sampled from the corners of pixels instead of their centres, as MediaPipe does on a CPU."""
    matrix = np.array([[photo.shape[1] / columns, 0, 0], [0, photo.shape[0] / rows, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(photo, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _mipmap(photo: Pixels, rows: int, columns: int) -> Pixels:
    """Halved by averaging 2 × 2 pixels while a side is at least twice too long, then bilinear: mipmaps of a GPU."""
    while photo.shape[0] >= 2 * rows or photo.shape[1] >= 2 * columns:
        size = max(1, photo.shape[1] // 2), max(1, photo.shape[0] // 2)
        photo = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    return (bilinear(photo, rows, columns) + np.float32(0.5)).astype(np.uint8)


def _jpeg(photo: Pixels) -> Pixels:
    _, encoded = cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 30])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]


def _add_noise(photo: Pixels) -> Pixels:
    """Of standard deviation 20, the same for photos of the same size."""
    noise = np.random.default_rng(0).normal(0, 20, photo.shape).astype(np.float32)
    return (photo + noise).clip(0, 255).astype(np.uint8)


def _darken(photo: Pixels) -> Pixels:
    return np.asarray(photo * np.float32(0.3), np.uint8)


def _pad(vertical: float, horizontal: float) -> Callable[[Pixels, Pixels, Contract], Sample]:
    """Another aspect ratio: mirrored borders, given as shares of the photo's sides; they do not count."""

    def apply(photo: Pixels, mask: Pixels, contract: Contract) -> Sample:
        down, across = round(photo.shape[0] * vertical), round(photo.shape[1] * horizontal)
        around = (down, down, across, across)
        wide = np.asarray(cv2.copyMakeBorder(photo, *around, cv2.BORDER_REFLECT_101), np.uint8)
        reference = cv2.copyMakeBorder(mask, *around, cv2.BORDER_CONSTANT, value=(IGNORED,))
        return Sample(preprocess(wide, contract), np.asarray(reference, np.uint8))

    return apply


def _rotate(degrees: float) -> Callable[[Pixels, Pixels, Contract], Sample]:
    """Rotated counterclockwise about the centre; corners that come from outside the photo do not count."""

    def apply(photo: Pixels, mask: Pixels, contract: Contract) -> Sample:
        size = photo.shape[1], photo.shape[0]
        matrix = cv2.getRotationMatrix2D(((size[0] - 1) / 2, (size[1] - 1) / 2), degrees, 1)
        turned = cv2.warpAffine(photo, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        reference = cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_NEAREST, borderValue=(IGNORED,))
        return Sample(preprocess(np.asarray(turned, np.uint8), contract), np.asarray(reference, np.uint8))

    return apply


PLAIN = "by the contract"

CONDITIONS: Mapping[str, Condition] = MappingProxyType(
    {
        PLAIN: Condition(_corrupt_with(lambda photo: photo)),
        "bilinear from corners (MediaPipe on a CPU)": Condition(_resize_with(_from_corners), is_phone=True),
        "halved, then bilinear (mipmaps)": Condition(_resize_with(_mipmap), is_phone=True),
        "Lanczos, antialiased (vImage)": Condition(_resize_with(_pillow(Image.Resampling.LANCZOS)), is_phone=True),
        "nearest": Condition(_resize_with(_opencv(cv2.INTER_NEAREST_EXACT))),
        "area": Condition(_resize_with(_opencv(cv2.INTER_AREA))),
        "cubic": Condition(_resize_with(_opencv(cv2.INTER_CUBIC))),
        "Pillow's bilinear, antialiased": Condition(_resize_with(_pillow(Image.Resampling.BILINEAR))),
        "three quarters as wide": Condition(_pad(0, 1 / 6)),
        "three quarters as tall": Condition(_pad(1 / 6, 0)),
        "JPEG of quality 30": Condition(_corrupt_with(_jpeg)),
        "noise": Condition(_corrupt_with(_add_noise)),
        "dark": Condition(_corrupt_with(_darken)),
        "turned 15° left": Condition(_rotate(15)),
        "turned 15° right": Condition(_rotate(-15)),
    }
)
"""By description, as the report shows it; the first is the reference of the others."""
