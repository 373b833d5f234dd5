"""What is made once for all tests: a student of rendered coins, exported and verified; the Android sample, compiled."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from conversion.export.export import export
from conversion.gate import parity
from conversion.gate.parity import Parity
from conversion.gate.predictions import Photo, prepare_photos
from parity_tests import kotlin
from training.data.coins import rendered_folder
from training.data.pairs import Pair, read_pairs
from training.fit import fit
from training.recipe import read_recipe
from training.run import Run
from training.student.contract import Contract


@dataclass(frozen=True)
class Verified:
    """A run that has gone the whole way."""

    run: Run
    contract: Contract
    pairs: Sequence[Pair]
    photos: Sequence[Photo]
    parity: Parity


@pytest.fixture(scope="session")
def verified(tmp_path_factory) -> Verified:
    """Photos to verified artefacts, by the recipe `smoke`."""
    folder = tmp_path_factory.mktemp("smoke")
    recipe = read_recipe("smoke")
    data = read_pairs(rendered_folder(recipe.pairs, recipe.seed, root=folder / "data"))
    run = Run(folder / "run")
    checkpoint = fit(recipe, data=data, run=run)
    export(run.checkpoint, run.export)
    pairs = run.held_out()[:12]
    verdict = parity.verify(run.checkpoint, run.export, pairs, run.parity)
    return Verified(run, checkpoint.contract, pairs, prepare_photos(pairs, checkpoint.contract), verdict)


@pytest.fixture(scope="session")
def real_photos() -> list[Path]:
    """Photos that people took: coins, portraits, streets and rings, upright and across, of odd sizes too."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no photos at {folder}; masks are compared on rendered ones alone")
    kinds = ("coins", "person", "street/val", "rings/test")
    return [path for kind in kinds for path in sorted((folder / kind / "photos").iterdir())[:3]]


@pytest.fixture(scope="session")
def android_resources(tmp_path_factory) -> str:
    """R.java, as the real aapt2 makes it of the Android app's manifest and resources."""
    into = tmp_path_factory.mktemp("resources")
    done = kotlin.link(kotlin.MAIN / "res", kotlin.manifest(), into)
    assert (done.returncode, done.stderr) == (0, "")
    return (into / "pocketmask" / "app" / "R.java").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def kotlin_classes(android_resources) -> Path:
    """The Android sample, stubs and planted errors of its arithmetic, compiled in one call of some twenty seconds."""
    return kotlin.classes(kotlin.sources(android_resources))
