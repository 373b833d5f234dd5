import pytest
import torch
from torch import nn

from training.loop.arithmetic import choose_arithmetic, prepare_for_training
from training.student.network import Student
from training.student.normalisation import NEUTRAL


@pytest.fixture
def student(tiny_recipe):
    recipe = tiny_recipe()
    return Student(recipe.contract(("disc",)), recipe.architecture(NEUTRAL, NEUTRAL))


@pytest.mark.parametrize("kind", ["fp32", "bf16"])
def test_a_recipe_that_says_so_is_obeyed(student, tiny_recipe, kind):
    found = choose_arithmetic(student, tiny_recipe(f"arithmetic={kind}"), earlier="fp32")

    assert (found.format, found.reason) == (kind, "the recipe says so")


@pytest.mark.parametrize("kind", ["fp32", "bf16"])
def test_a_run_keeps_the_format_that_it_began_with(student, tiny_recipe, kind):
    assert choose_arithmetic(student, tiny_recipe("arithmetic=auto"), earlier=kind).format == kind


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is not measured, it is asked")
def test_measuring_leaves_the_network_as_it_was(student, tiny_recipe):
    before = {name: value.clone() for name, value in student.state_dict().items()}

    found = choose_arithmetic(student, tiny_recipe("arithmetic=auto", "batch=2"))

    assert found.format in ("fp32", "bf16")
    assert "times as fast as" in found.reason
    assert all(torch.equal(before[name], value) for name, value in student.state_dict().items())
    assert all(parameter.grad is None for parameter in student.parameters())
    assert student.training


def test_bfloat16_goes_with_channels_last_and_back():
    convolution = nn.Conv2d(4, 8, 3)
    weight = convolution.weight.detach().clone()

    assert prepare_for_training(convolution, "bf16", "cpu").weight.is_contiguous(memory_format=torch.channels_last)
    assert prepare_for_training(convolution, "fp32", "cpu").weight.is_contiguous()
    assert torch.equal(convolution.weight, weight)
