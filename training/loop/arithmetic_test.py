import pytest
import torch
from torch import nn

from training.device import this_machine
from training.loop import arithmetic
from training.loop.arithmetic import WAYS, autocast, choose_arithmetic, prepare_for_training
from training.loop.processes import Processes
from training.loss import border_bce_dice
from training.student.network import Student
from training.student.normalisation import NEUTRAL


def build(recipe):
    torch.manual_seed(0)
    return Student(recipe.contract(("disc",)), recipe.architecture(NEUTRAL, NEUTRAL))


@pytest.fixture
def student(tiny_recipe):
    return build(tiny_recipe())


@pytest.mark.parametrize("kind", ["fp32", "fp32-channels-last-strided", "bf16"])
def test_a_recipe_that_says_so_is_obeyed(student, tiny_recipe, kind):
    found = choose_arithmetic(student, tiny_recipe(f"arithmetic={kind}"), earlier="fp32")

    assert (found.arithmetic, found.reason) == (kind, "the recipe says so")


@pytest.mark.parametrize("kind", [kind for kind in WAYS if kind != "fp16"])
def test_a_run_keeps_the_arithmetic_that_it_began_with(student, tiny_recipe, kind):
    assert choose_arithmetic(student, tiny_recipe("arithmetic=auto"), earlier=kind).arithmetic == kind


def test_what_older_runs_recorded_means_what_it_did():
    assert WAYS["fp32"] == arithmetic.Way("fp32", torch.contiguous_format, True)
    assert WAYS["bf16"] == arithmetic.Way("bf16", torch.channels_last, True)


def test_measuring_leaves_the_network_as_it_was(student, tiny_recipe):
    before = {name: value.clone() for name, value in student.state_dict().items()}
    layers = [type(module) for module in student.modules()]

    found = choose_arithmetic(student, tiny_recipe("arithmetic=auto", "batch=2"))

    assert found.format in ("fp32", "bf16")
    assert "times as fast as" in found.reason
    assert all(torch.equal(before[name], value) for name, value in student.state_dict().items())
    assert all(parameter.grad is None for parameter in student.parameters())
    assert [type(module) for module in student.modules()] == layers
    assert student.training


@pytest.fixture
def timed(monkeypatch):
    """Lets steps take so many seconds, of a clock that only they advance; tells which were taken."""

    def take(seconds):
        now, taken = [0.0], []

        def step(network, recipe, kind, batch):
            taken.append((kind, batch))
            now[0] += seconds[kind]

        monkeypatch.setattr(arithmetic, "trial_step", step)
        monkeypatch.setattr(arithmetic.time, "perf_counter", lambda: now[0])
        return taken

    return take


SECONDS = {
    "bf16": 9.0,
    "bf16-strided": 8.0,
    "fp32-channels-last-strided": 2.0,
    "fp32-channels-last": 2.2,
    "fp32-strided": 2.6,
    "fp32": 3.0,
}


def test_the_fastest_way_is_taken_and_the_hopeless_are_not_timed_again(student, tiny_recipe, timed):
    taken = timed(SECONDS)

    found = choose_arithmetic(student, tiny_recipe("arithmetic=auto", "batch=16"))

    assert found.arithmetic == "fp32-channels-last-strided"
    assert found.reason == "4.5 times as fast as bf16 and 1.5 times as fast as fp32 here"
    assert {batch for _, batch in taken} == {4}
    counts = {kind: sum(kind == one for one, _ in taken) for kind in SECONDS}
    assert counts == {
        "bf16": 1,
        "bf16-strided": 1,
        "fp32-channels-last-strided": 4,
        "fp32-channels-last": 4,
        "fp32-strided": 2,
        "fp32": 2,
    }


def test_of_ways_about_as_fast_the_preferred_is_taken(student, tiny_recipe, timed):
    timed(SECONDS | {"fp32-channels-last": 1.96})

    assert choose_arithmetic(student, tiny_recipe("arithmetic=auto")).arithmetic == "fp32-channels-last-strided"


def test_a_network_without_strided_depthwise_convolutions_has_no_two_ways_of_them(tiny_recipe, timed):
    taken = timed(SECONDS)

    choose_arithmetic(nn.Sequential(nn.Conv2d(3, 1, 3)), tiny_recipe("arithmetic=auto"))

    assert {kind for kind, _ in taken} == {"bf16", "fp32-channels-last", "fp32"}


@pytest.mark.skipif(this_machine().accelerator != "cpu", reason="the processor's own rule")
def test_several_processes_do_not_measure(student, tiny_recipe, timed):
    taken = timed(SECONDS)

    found = choose_arithmetic(student, tiny_recipe("arithmetic=auto"), Processes(devices=2))

    assert (found.arithmetic, taken) == ("fp32-channels-last-strided", [])


@pytest.mark.parametrize("kind", [kind for kind in WAYS if WAYS[kind].format == "fp32"])
@pytest.mark.parametrize("encoder", ["tu-mobilenetv2_050", "tu-mobilenetv3_small_100"])
def test_all_ways_of_float32_have_the_same_losses(tiny_recipe, kind, encoder):
    recipe = tiny_recipe(f"encoder={encoder}")
    photos = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 255
    masks = (photos.mean(dim=1) > 127).to(torch.uint8)

    def losses(way):
        network = prepare_for_training(build(recipe), way, "cpu").train()
        optimiser = torch.optim.SGD(network.parameters(), lr=1e-3)
        found = []
        for _ in range(3):
            with autocast(network, WAYS[way].format):
                logits = network(photos.to(memory_format=WAYS[way].order))
            loss = border_bce_dice(logits, masks, recipe)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            found.append(loss.item())
        return found

    assert losses(kind) == pytest.approx(losses("fp32"), rel=1e-4)


def test_memory_goes_into_the_order_and_back():
    convolution = nn.Conv2d(4, 8, 3)
    weight = convolution.weight.detach().clone()

    assert prepare_for_training(convolution, "bf16", "cpu").weight.is_contiguous(memory_format=torch.channels_last)
    assert prepare_for_training(convolution, "fp32", "cpu").weight.is_contiguous()
    assert torch.equal(convolution.weight, weight)
