import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from training.data.pairs import read_pairs
from training.recipe import read_recipe
from training.student import renamed

SIDE = 96


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Networks this small are fastest on one core, and by far where cores are shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def draw_discs():
    """Writes a folder of pairs: a bright disc on a dark, blotched ground, no two alike."""

    def draw(folder: Path, count: int = 12) -> Path:
        for part in ("photos", "masks"):
            (folder / part).mkdir(parents=True)
        for number in range(count):
            rng = np.random.default_rng(number)
            ground = cv2.resize(rng.integers(0, 120, (6, 6, 3), np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
            mask = np.zeros((SIDE, SIDE), np.uint8)
            cv2.circle(mask, rng.integers(30, 66, 2).tolist(), int(rng.integers(14, 28)), 255, cv2.FILLED)
            photo = np.where(mask[..., None] > 0, 230 - ground // 4, ground).astype(np.uint8)
            Image.fromarray(photo).save(folder / "photos" / f"disc_{number:02}.png")
            Image.fromarray(mask).save(folder / "masks" / f"disc_{number:02}.png")
        return folder

    return draw


@pytest.fixture(scope="session")
def discs(draw_discs, tmp_path_factory):
    """A dozen pairs, to be read only."""
    return read_pairs(draw_discs(tmp_path_factory.mktemp("data") / "discs"))


@pytest.fixture(scope="session")
def tiny():
    """The smallest student on the smallest input that still teaches something, as overrides of `mobile`."""
    return (
        "encoder=tu-mobilenetv3_small_100",
        "decoder=[16,16,8]",
        "height=64",
        "width=64",
        "batch=4",
        "epochs=3",
        "photos_per_epoch=1",
        "validation=0.3",
        "learning_rate=0.01",
        "arithmetic=fp32",
        "workers=0",
    )


@pytest.fixture(scope="session")
def tiny_recipe(tiny):
    """`mobile` with those and further overrides."""
    return lambda *overrides: read_recipe("mobile", [*tiny, *overrides])


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 60 MB: enough for the run of a tiny student, and quickly filled."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a disk to fill can only be mounted by root on Linux")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(autouse=True)
def notes_are_new(monkeypatch):
    """Old names of options are noted once a process; a test must not depend on what others noted before it."""
    monkeypatch.setattr(renamed, "_NOTED", set())
