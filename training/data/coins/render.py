"""One rendering, and folders of them."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.coins.lens import decode, develop
from training.data.coins.scene import paint_scene
from training.student.atomic_write import atomic_path
from training.student.claim import claim
from training.student.errors import BadInput
from training.student.exhaustion import exhausted
from training.student.orphans import end_with_parent
from training.student.temporary import sweep

SEEDS_PER_FOLDER = 1_000_000


@dataclass(frozen=True, slots=True)
class Rendering:
    """A photo of coins and its exact mask."""

    photo: NDArray[np.uint8]
    """(H, W, 3), RGB."""
    mask: NDArray[np.bool_]
    """(H, W), where a coin, its edge included, is what one sees."""
    jpeg: bytes
    """The file that `photo` was decoded from."""


def render(seed: int, *, height: int = 320, width: int = 320, coin_count: int | None = None) -> Rendering:
    """A photo of coins; equal arguments give equal pixels, in every process.

    Args:
        seed: Not negative.
        height: Rows, in pixels; at least 32.
        width: Columns, in pixels; at least 32.
        coin_count: Coins to lay out; fewer if they do not fit. None draws a usual number, rarely 0.

    Raises:
        BadInput: The photo is smaller than 32 x 32.
    """
    if min(height, width) < 32:
        raise BadInput(f"height x width is {height} x {width}; a rendering needs at least 32 x 32")
    rng = np.random.default_rng(seed)
    canvas = paint_scene(rng, height, width, coin_count=coin_count)
    jpeg = develop(rng, canvas.radiance)
    return Rendering(decode(jpeg), canvas.mask, jpeg)


def write_pairs(
    folder: Path,
    *,
    count: int,
    seed: int = 0,
    height: int = 320,
    width: int = 320,
    processes: int | None = None,
) -> None:
    """Write `count` renderings as photos/NAME.jpg and masks/NAME.png (0 / 255); NAME ends in the seed of `render`.

    The folder appears when it is complete: it is written beside its place and moved there.

    Args:
        folder: Where to; it may exist if it is empty.
        count: Number of pairs.
        seed: Folders of different seeds share no rendering.
        height: Rows of a photo, in pixels.
        width: Columns of a photo, in pixels.
        processes: How many at a time; None takes one for each core.

    Raises:
        BadInput: The folder holds something, the photos are smaller than 32 x 32, `count` is too large for one seed, or
            the folder cannot be written to or is in use.
    """
    try:
        with claim(folder.parent, folder.name):
            _write_pairs(folder, count, seed, (height, width), processes)
    except OSError as error:
        raise exhausted(error, folder) or BadInput(f"cannot render into {folder}: {error}") from error


def _write_pairs(folder: Path, count: int, seed: int, size: tuple[int, int], processes: int | None) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{folder} is not empty; remove it or name another folder")
    if count > SEEDS_PER_FOLDER:
        raise BadInput(f"count is {count}; one seed gives up to {SEEDS_PER_FOLDER} pairs, take several seeds")
    seeds = range(seed * SEEDS_PER_FOLDER, seed * SEEDS_PER_FOLDER + count)
    workers = min(processes or os.cpu_count() or 1, max(count, 1))
    with atomic_path(folder) as pairs, tqdm(total=count, desc="rendering coins", unit="photo") as progress:
        for part in ("photos", "masks"):
            (pairs / part).mkdir(parents=True)
        write = partial(_write_pair, pairs, *size)
        if workers == 1:
            for each in seeds:
                write(each)
                progress.update()
            return
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_start_worker) as pool:
            for _ in pool.map(write, seeds, chunksize=8):
                progress.update()


def rendered_folder(count: int, seed: int, root: Path = Path("data")) -> Path:
    """A folder of `count` pairs of 320 × 320 pixels below `root`; rendered if it is not there yet.

    Raises:
        BadInput: As `write_pairs`.
    """
    folder = root / f"coins-{count}-{seed}"
    sweep(root)
    if not folder.is_dir():
        # A little larger than the 256 × 256 pixels that a student looks at by default, so that it can zoom in.
        write_pairs(folder, count=count, seed=seed, height=320, width=320)
    return folder


def _start_worker() -> None:
    cv2.setNumThreads(1)
    end_with_parent()


def _write_pair(pairs: Path, height: int, width: int, seed: int) -> None:
    rendering = render(seed, height=height, width=width)
    name = f"coins_{seed:09d}"
    (pairs / "photos" / f"{name}.jpg").write_bytes(rendering.jpeg)
    _, mask = cv2.imencode(".png", rendering.mask.astype(np.uint8) * 255)
    (pairs / "masks" / f"{name}.png").write_bytes(mask.tobytes())
