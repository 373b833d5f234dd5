"""The data that needs no download: coins, rendered once into data/ and read like anyone's photos."""

from pathlib import Path

from training.data.coins import write_pairs
from training.data.pairs import Pairs, read_pairs

_SIDE = 320
"""Pixels: a little more than what a student at 256 × 256 zooms into."""


def rendered_pairs(count: int, seed: int, root: Path = Path("data")) -> Pairs:
    """`count` rendered coin photographs with exact masks; drawn if they are not there yet."""
    folder = root / f"coins-{count}-{seed}"
    if not folder.is_dir():
        write_pairs(folder, count=count, seed=seed, height=_SIDE, width=_SIDE)
    return read_pairs(folder)
