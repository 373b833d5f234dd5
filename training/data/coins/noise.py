"""Random fields that grounds, tarnish and dirt are made of."""

import numpy as np

from training.data.coins.arrays import resized
from training.student.arrays import Floats

TILE = 256


def fractal(rng: np.random.Generator, *, size: int = TILE, coarsest: int = 4, roughness: float = 0.55) -> Floats:
    """Noise of all wavelengths from size / coarsest down to one texel: (size, size), mean 0, deviation 1.

    Args:
        rng: Where chance comes from.
        size: Rows and columns.
        coarsest: Cells across of the longest wave.
        roughness: Amplitude of an octave relative to the one that is twice as long.
    """
    field = np.zeros((size, size), np.float32)
    cells, amplitude = coarsest, 1.0
    while cells <= size:
        octave = rng.standard_normal((cells, cells), dtype=np.float32)
        field += amplitude * resized(octave, size, size)
        cells, amplitude = 2 * cells, amplitude * roughness
    return np.asarray((field - field.mean()) / (field.std() + 1e-6), np.float32)


def speckle(rng: np.random.Generator, *, size: int = TILE) -> Floats:
    """White noise: (size, size), mean 0, deviation 1."""
    return rng.standard_normal((size, size), dtype=np.float32)
