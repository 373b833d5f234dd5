"""The array types of this package, and OpenCV's image operations typed by them."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.student.arrays import Floats

Points = NDArray[np.float64]
"""Points (N, 2), or a matrix that moves them; geometry is in double precision."""


def blurred(image: Floats, sigma: float) -> Floats:
    """A Gaussian blur of `sigma` pixels; a wide one is done on a smaller image, which takes a tenth of the time."""
    shrink = int(sigma / 2)
    height, width = image.shape[:2]
    if shrink < 2 or min(height, width) < 4 * shrink:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)
    small = cv2.resize(image, (width // shrink, height // shrink), interpolation=cv2.INTER_AREA)
    return resized(np.asarray(cv2.GaussianBlur(small, (0, 0), sigma / shrink), np.float32), height, width)


def resized(image: Floats, height: int, width: int) -> Floats:
    """The image at another size, bilinearly."""
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def slopes(image: Floats, per_pixel: float = 1.0) -> Floats:
    """Rise along columns and along rows, (H, W, 2), times `per_pixel`."""
    dx = cv2.Sobel(image, cv2.CV_32F, 1, 0, ksize=3, scale=per_pixel / 8)
    dy = cv2.Sobel(image, cv2.CV_32F, 0, 1, ksize=3, scale=per_pixel / 8)
    return np.asarray(cv2.merge([dx, dy]), np.float32)


def stacked(*planes: Floats) -> Floats:
    """Planes (H, W) as the channels of one image; faster than `np.stack`."""
    return np.asarray(cv2.merge(planes), np.float32)


def warped(image: Floats, matrix: Points, height: int, width: int) -> Floats:
    """The image carried by a (3, 3) homography; beyond its border it repeats its edge."""
    return np.asarray(
        cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def sampled(image: Floats, x: Floats, y: Floats) -> Floats:
    """The image read at positions of any range, mirrored beyond its border; (H, W) or (H, W, channels)."""
    return np.asarray(cv2.remap(image, x, y, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.float32)


def pixel(point: NDArray[Any]) -> tuple[int, int]:
    """The nearest pixel, as OpenCV's drawing functions take it."""
    return round(float(point[0])), round(float(point[1]))
