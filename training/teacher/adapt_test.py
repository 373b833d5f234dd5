import csv
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file

from training.__main__ import main
from training.data.pairs import read_pairs
from training.student.errors import BadInput
from training.teacher import lora_ranks
from training.teacher.adapt import Options, adapt_segmenter, mask_loss
from training.teacher.grounded_sam import Options as Grounded
from training.teacher.grounded_sam import build
from training.teacher.phrases import parse_phrases

RINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "rings" / "train"
FAST = {"steps": 2, "batch": 2, "validation": 0.0}


def test_an_adapter_is_learnt_kept_and_used_by_grounded_sam(discs, saved, tmp_path):
    options = Options(segmenter=saved("sam"), rank=2, **FAST)
    path = tmp_path / "discs.safetensors"

    learnt = adapt_segmenter(options, discs, path, device="cpu")

    assert learnt.instances == len(discs.pairs)
    assert learnt.parameters == 2 * 2 * (2 * 16 + 16 * 2), "two blocks, query and value, down and up"
    photo = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    chosen = {"detector": saved("owlv2"), "segmenter": saved("sam"), "floor": 0, "threshold": 0, "most": 4}
    plain, adapted = (
        build(Grounded(**chosen, adapter=adapter), parse_phrases(["coin"]), None, "cpu") for adapter in (None, path)
    )
    before, after = (teacher.look([photo])[0].arrays for teacher in (plain, adapted))
    assert (before["mask_scores"] != after["mask_scores"]).any()
    assert adapted.weights.keys() - plain.weights.keys() == {"adapter"}


def test_equal_seeds_learn_equally(discs, saved, tmp_path):
    options = Options(segmenter=saved("sam"), rank=2, **FAST)
    for name in ("a", "b"):
        adapt_segmenter(options, discs, tmp_path / f"{name}.safetensors", device="cpu")

    first, second = (load_file(tmp_path / f"{name}.safetensors") for name in ("a", "b"))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("kind", ["sam_hq", "sam2"])
def test_the_other_segmenters_learn_as_well(discs, saved, tmp_path, kind):
    learnt = adapt_segmenter(Options(segmenter=saved(kind), **FAST), discs, tmp_path / "a.safetensors", device="cpu")

    assert learnt.parameters > 0
    assert (tmp_path / "a.safetensors").is_file()


def test_ranks_are_compared_by_one_command(discs, saved, tmp_path):
    given = ["adapt", "--data", str(discs.folder), "--out", str(tmp_path / "out"), "--ranks", "1,2", "--device", "cpu"]
    overrides = [f"segmenter={saved('sam')}", "steps=1", "batch=2", "validation=0.3"]

    result = CliRunner().invoke(main, [*given, *overrides], catch_exceptions=False)

    assert result.exit_code == 0, result.output
    with (tmp_path / "out" / "ranks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == ["1", "2"]
    assert int(rows[1]["parameters"]) == 2 * int(rows[0]["parameters"])
    assert rows[0]["before"] == rows[1]["before"]
    with Image.open(tmp_path / "out" / "ranks.png") as picture:
        assert picture.width > 400
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "rank1.safetensors",
        "rank2.safetensors",
        "ranks.csv",
        "ranks.png",
    }


def draw_ring(rng, side, blotched=False):
    """A ring with a stone, or a disc, on plain ground or not: an RGB photo and its boolean mask, (side, side)."""
    mask = np.zeros((side, side), np.uint8)
    middle, axes = rng.uniform(0.35, 0.65, 2) * side, rng.uniform(0.12, 0.42, 2) * side
    shape = middle.astype(int).tolist(), axes.astype(int).tolist(), rng.uniform(0, 180), 0, 360
    cv2.ellipse(mask, *shape, 1, cv2.FILLED)
    if rng.random() < 0.75:
        inner = (axes * rng.uniform(0.55, 0.9)).astype(int).tolist()
        cv2.ellipse(mask, shape[0], inner, *shape[2:], 0, cv2.FILLED)
    if rng.random() < 0.75:
        turn = rng.uniform(0, 2 * np.pi)
        stone = middle + np.array([np.cos(turn), np.sin(turn)]) * axes.mean()
        cv2.circle(mask, stone.astype(int).tolist(), int(rng.uniform(0.04, 0.12) * side), 1, cv2.FILLED)
    shades = rng.uniform(0, 235, (*rng.integers(3, 16, 2), 1)) * rng.uniform(0.6, 1, 3)
    metal = cv2.resize(shades, (side, side), interpolation=cv2.INTER_CUBIC)
    ground = rng.uniform(200, 255)
    if blotched:
        ground = cv2.resize(rng.uniform(190, 255, (6, 6, 3)), (side, side), interpolation=cv2.INTER_CUBIC)
    return np.where(mask[..., None] > 0, metal, ground).clip(0, 255).astype(np.uint8), mask > 0


def learn_rings(network, processor, steps=220, batch=4):
    """What SA-1B is to the real one: hundreds of rendered things, each in its box, so that its decoder means something.

    A frozen decoder of random weights can show no mask, whatever an encoder learns to tell it.
    """
    rng = np.random.default_rng(0)
    side = network.config.vision_config.image_size
    shown = []
    for _ in range(batch * 64):
        photo, mask = draw_ring(rng, 4 * side)
        pixels = processor.image_processor(photo, return_tensors="pt").pixel_values[0]
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        box = torch.tensor([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]]) / 4
        aim = cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
        shown.append((pixels, box, torch.from_numpy(aim)))
    optimiser = torch.optim.AdamW(network.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    for _ in range(steps):
        picked = [shown[index] for index in rng.integers(0, len(shown), batch)]
        pixels, boxes, aims = map(torch.stack, zip(*picked, strict=True))
        logits = network(pixel_values=pixels, input_boxes=boxes, multimask_output=True).pred_masks[:, 0]
        optimiser.zero_grad()
        mask_loss(logits, aims[:, None], torch.ones_like(aims)[:, None]).backward()
        optimiser.step()
        schedule.step()


@pytest.fixture(scope="module")
def taught_sam(small_sam, tmp_path_factory):
    """The folder of a SAM that was taught as a whole to draw rings and discs on plain ground."""
    folder = tmp_path_factory.mktemp("weights") / "taught_sam"
    learn_rings(*small_sam)
    for part in small_sam:
        part.save_pretrained(folder)
    return folder


@pytest.fixture
def two_photos(tmp_path):
    """Of the real rings the two that are at least a patch wide, of which one has two holes."""
    if not RINGS.is_dir():
        pytest.skip("the photos of rings lie beside the repository, and only where it was written")
    for path in [*RINGS.glob("photos/ring[68].*"), *RINGS.glob("masks/ring[68].*")]:
        (tmp_path / "rings" / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / "rings" / path.parent.name)
    return read_pairs(tmp_path / "rings")


@pytest.fixture
def two_rendered(tmp_path):
    """Rings on blotched ground, which the taught SAM has never seen."""
    for part in ("photos", "masks"):
        (tmp_path / "rendered" / part).mkdir(parents=True)
    for seed in (3, 5):
        photo, mask = draw_ring(np.random.default_rng(seed), 200, blotched=True)
        Image.fromarray(photo[20:180]).save(tmp_path / "rendered" / "photos" / f"{seed}.png")
        Image.fromarray(mask[20:180]).save(tmp_path / "rendered" / "masks" / f"{seed}.png")
    return read_pairs(tmp_path / "rendered")


@pytest.mark.slow
@pytest.mark.parametrize("pairs", ["two_photos", "two_rendered"])
def test_rank_4_overfits_two_rings(pairs, taught_sam, tmp_path, request):
    # Its logits are 64 × 64: the masks of the photos, brought to that and back, have IoU 0.986.
    options = Options(segmenter=str(taught_sam), rank=4, steps=150, batch=2, learning_rate=0.1, jitter=0, validation=0)

    learnt = adapt_segmenter(options, request.getfixturevalue(pairs), tmp_path / "rings.safetensors", device="cpu")

    assert learnt.parameters == 2 * 2 * 2 * 4 * 48, "two blocks, query and value, down and up"
    assert (learnt.before < 0.85, learnt.after >= 0.95) == (True, True), str(learnt)


@pytest.mark.parametrize("given", ["", "0", "1,", "a", "2,2", "-1"])
def test_ranks_that_are_none_are_refused(given):
    with pytest.raises(BadInput, match="not of the form 1,2,4,8"):
        lora_ranks.parse_ranks(given)


def test_pairs_that_show_nothing_are_refused(saved, tmp_path):
    for part, values in (("photos", np.zeros((9, 9, 3), np.uint8)), ("masks", np.zeros((9, 9), np.uint8))):
        (tmp_path / part).mkdir()
        Image.fromarray(values).save(tmp_path / part / "one.png")

    with pytest.raises(BadInput, match="nothing to learn from"):
        adapt_segmenter(
            Options(segmenter=saved("sam"), **FAST), read_pairs(tmp_path), tmp_path / "a.safetensors", device="cpu"
        )
