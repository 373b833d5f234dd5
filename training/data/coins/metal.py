"""What coins and hardware are made of."""

from dataclasses import dataclass

import numpy as np

from training.data.coins.colour import linear
from training.student.arrays import Floats


@dataclass(frozen=True, slots=True)
class Metal:
    """Two colours: what it mirrors when new, and what it turns into; linear RGB (3,)."""

    bright: Floats
    tarnished: Floats


METALS: dict[str, Metal] = {
    "copper": Metal(linear(0.95, 0.67, 0.52), linear(0.36, 0.21, 0.14)),
    "bronze": Metal(linear(0.86, 0.64, 0.42), linear(0.33, 0.24, 0.15)),
    "nordic gold": Metal(linear(0.92, 0.78, 0.48), linear(0.42, 0.34, 0.18)),
    "brass": Metal(linear(0.90, 0.80, 0.54), linear(0.40, 0.34, 0.22)),
    "gold": Metal(linear(1.00, 0.84, 0.48), linear(0.62, 0.46, 0.20)),
    "cupronickel": Metal(linear(0.84, 0.81, 0.77), linear(0.42, 0.40, 0.36)),
    "silver": Metal(linear(0.96, 0.94, 0.91), linear(0.30, 0.28, 0.27)),
    "steel": Metal(linear(0.80, 0.80, 0.81), linear(0.38, 0.37, 0.36)),
    "zinc": Metal(linear(0.66, 0.68, 0.71), linear(0.30, 0.31, 0.33)),
}


def alloy(rng: np.random.Generator, name: str) -> Metal:
    """A metal of the table, with the small differences between two mints or two years."""
    metal = METALS[name]
    hue = np.exp(rng.normal(0, 0.06, 3)).astype(np.float32)
    return Metal(np.minimum(metal.bright * hue, 1).astype(np.float32), metal.tarnished * hue)
