"""Colours as surfaces have them, linear RGB reflectance, and pictures drawn in sRGB bytes."""

import colorsys

import numpy as np

from training.student.arrays import Floats, Pixels

Range = tuple[float, float]
Ink = tuple[int, int, int]

GAMMA = 2.2
_LINEAR = (np.arange(256, dtype=np.float32) / 255) ** np.float32(GAMMA)


def linear(red: float, green: float, blue: float) -> Floats:
    """Linear RGB (3,) of an sRGB colour with channels in 0..1 (gamma 2.2, close enough for a surface)."""
    return np.array([red, green, blue], np.float32) ** np.float32(GAMMA)


def linearised(picture: Pixels) -> Floats:
    """Linear RGB of a picture drawn in sRGB bytes, of the same shape."""
    return np.asarray(_LINEAR[picture], np.float32)


def draw_colour(
    rng: np.random.Generator, *, hue: Range = (0, 1), saturation: Range = (0, 1), value: Range = (0, 1)
) -> Floats:
    """Linear RGB (3,) of a colour from ranges of hue, saturation and value, each in 0..1; hue wraps."""
    return linear(*colorsys.hsv_to_rgb(rng.uniform(*hue) % 1.0, rng.uniform(*saturation), rng.uniform(*value)))


def draw_ink(rng: np.random.Generator, *, saturation: Range = (0, 1), value: Range = (0.05, 0.95)) -> Ink:
    """An sRGB colour in bytes, for OpenCV's drawing functions, which smooth edges in bytes alone."""
    red, green, blue = colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(*saturation), rng.uniform(*value))
    return round(255 * red), round(255 * green), round(255 * blue)
