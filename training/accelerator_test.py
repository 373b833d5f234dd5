"""What `make check-gpu` runs: the accelerator of this machine does what its processor does.

On a machine without one, the processor is held against itself, so that these tests cannot rot.
"""

import csv

import numpy as np
import pytest
import torch

from training.data.views import TrainingView
from training.device import formats, synchronise, this_machine
from training.fit import fit
from training.fit_test import InterruptedAt
from training.loop.arithmetic import autocast, choose_arithmetic, prepare_for_training
from training.loop.processes import processes
from training.loss import border_bce_dice
from training.run import Run
from training.student.network import Student
from training.student.normalisation import NEUTRAL
from training.teacher.conftest import saved  # noqa: F401  # a fixture
from training.teacher.phrases import parse_phrases
from training.teacher.teachers import TEACHERS

MACHINE = this_machine()
PLACE = MACHINE.accelerator

# How far a loss may be from the processor's: one step from the same weights, as a share of the loss.
LOSS_TOLERANCE = {"fp32": 1e-4, "bf16": 2e-2, "fp16": 5e-3}

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def full_float32():
    """CUDA convolutions in float32 proper; TF32, torch's default there, keeps ten bits."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


def losses(run):
    return [float(row["loss"]) for row in csv.DictReader(run.metrics.read_text().splitlines())]


def one_step(recipe, data, place, kind):
    """Loss and gradients of the first batch."""
    torch.manual_seed(0)
    student = Student(recipe.contract(data.classes), recipe.architecture(NEUTRAL, NEUTRAL)).train()
    network = prepare_for_training(student, kind, place).to(place)
    view = TrainingView(data.pairs, len(data.classes), recipe)
    items = [view[index, 1.0] for index in range(8)]
    photos, masks = (torch.stack(parts).to(place) for parts in zip(*items, strict=True))
    with autocast(network, kind):
        logits = network(photos.float())
    loss = border_bce_dice(logits, masks, recipe)
    loss.backward()
    synchronise(torch.device(place))
    gradient = torch.cat([each.grad.flatten().float().cpu() for each in network.parameters()])
    return loss.item(), gradient


@pytest.mark.parametrize("kind", dict.fromkeys(("fp32", *formats(PLACE, MACHINE))))
def test_a_step_has_the_processor_s_loss_and_gradient(kind, discs, tiny_recipe):
    expected, its_gradient = one_step(tiny_recipe(), discs, "cpu", "fp32")
    found, gradient = one_step(tiny_recipe(), discs, PLACE, kind)

    cosine = torch.nn.functional.cosine_similarity(gradient, its_gradient, dim=0).item()
    print(f"{PLACE} {kind}: loss {found:.6f}, in fp32 on the processor {expected:.6f}; gradients' cosine {cosine:.6f}")  # noqa: T201 (what this is run for)
    assert abs(found - expected) <= LOSS_TOLERANCE[kind] * expected
    # At its first step, a network of 64 × 64 pixels is too small for gradients in a shorter format to agree.
    assert kind != "fp32" or cosine > 0.9999


def test_it_trains_as_the_processor_does(discs, tiny_recipe, tmp_path):
    runs = {place: Run(tmp_path / place) for place in ("cpu", PLACE)}
    for place, run in runs.items():
        fit(tiny_recipe(f"accelerator={place}"), data=discs, run=run)

    print(f"losses on the processor {losses(runs['cpu'])}, on {PLACE} {losses(runs[PLACE])}")  # noqa: T201 (what this is run for)
    np.testing.assert_allclose(losses(runs[PLACE]), losses(runs["cpu"]), rtol=0.05)


def test_an_interrupted_training_goes_on_as_if_it_had_not_been(discs, tiny_recipe, tmp_path):
    whole, interrupted = Run(tmp_path / "whole"), Run(tmp_path / "interrupted")
    fit(tiny_recipe(), data=discs, run=whole)
    with pytest.raises(KeyboardInterrupt):
        fit(tiny_recipe(), data=discs, run=interrupted, callbacks=[InterruptedAt("within an epoch")])
    fit(tiny_recipe(), data=discs, run=interrupted)

    # A GPU adds in no fixed order.
    np.testing.assert_allclose(losses(interrupted), losses(whole), rtol=0 if PLACE == "cpu" else 1e-2)


def test_what_auto_chooses_trains(discs, tiny_recipe, tmp_path):
    recipe = tiny_recipe("arithmetic=auto")
    student = Student(recipe.contract(discs.classes), recipe.architecture(NEUTRAL, NEUTRAL))
    choice = choose_arithmetic(student, recipe, processes(recipe, {}))
    assert {each.device.type for each in student.parameters()} == {"cpu"}

    run = Run(tmp_path / "auto")
    fit(recipe, data=discs, run=run)

    print(f"{PLACE} takes {choice.format}: {choice.reason}; losses {losses(run)}")  # noqa: T201 (what this is run for)
    assert choice.format in formats(PLACE, MACHINE)
    assert losses(run)[-1] < losses(run)[0]


def test_a_teacher_sees_what_it_sees_on_the_processor(saved):  # noqa: F811
    entry, photo = TEACHERS["clipseg"], np.random.default_rng(0).integers(0, 255, (50, 90, 3), np.uint8)
    heat = {}
    for place in ("cpu", "auto"):
        teacher = entry.build(entry.options()(), parse_phrases(("coin",)), saved("clipseg"), place)
        heat[place] = teacher.look([photo])[0].arrays["heat"].astype(np.float32)
        assert teacher.model.network.device.type == (PLACE if place == "auto" else "cpu")

    print(f"heat map of the teacher: largest difference {np.abs(heat['auto'] - heat['cpu']).max():.2g}")  # noqa: T201 (what this is run for)
    np.testing.assert_allclose(heat["auto"], heat["cpu"], atol=1e-2)
