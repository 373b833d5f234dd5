import pytest
import torch

from training.loop.parameter_groups import parameter_groups
from training.student.network import Student
from training.student.normalisation import NEUTRAL


@pytest.fixture(scope="module")
def student(tiny_recipe):
    recipe = tiny_recipe("encoder=tu-mobilenetv2_050")
    return Student(recipe.contract(("disc",)), recipe.architecture(NEUTRAL, NEUTRAL))


def rates(student, recipe):
    """By the name of each parameter."""
    names = {id(parameter): name for name, parameter in student.named_parameters()}
    return {
        names[id(parameter)]: group["lr"]
        for group in parameter_groups(student, recipe)
        for parameter in group["params"]
    }


def test_every_stage_nearer_to_the_photo_learns_more_gently(student, tiny_recipe):
    recipe = tiny_recipe("encoder_weights=hub", "encoder_rate=0.5", "encoder_decay=0.5", "learning_rate=1")

    found = rates(student, recipe)

    assert found["head.weight"] == 1
    assert found["decoder.0.reduce.0.weight"] == 1
    assert found["encoder.model.conv_stem.weight"] == 0.5 * 0.5**4
    # MobileNetV2's blocks 0 to 6, whose outputs have strides 2, 4, 8, 16, 16, 32 and 32.
    for block, stage in enumerate([1, 2, 3, 4, 4, 5, 5]):
        mine = {rate for name, rate in found.items() if name.startswith(f"encoder.model.blocks.{block}.")}
        assert mine == {0.5 * 0.5 ** (5 - stage)}, block
    assert len(found) == len(list(student.parameters()))


def test_asking_for_stages_leaves_the_network_as_it_was(student, tiny_recipe):
    before = {name: value.clone() for name, value in student.state_dict().items()}
    state = torch.get_rng_state()

    parameter_groups(student, tiny_recipe("encoder_weights=hub", "encoder_decay=0.5"))

    assert student.encoder.training
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items())
    assert all(parameter.grad is None for parameter in student.parameters())


@pytest.mark.parametrize("encoder", ["mit_b0", "tu-convnext_atto", "resnet18"])
def test_encoders_of_every_family_have_their_stages(tiny_recipe, encoder):
    recipe = tiny_recipe(f"encoder={encoder}", "encoder_weights=hub", "encoder_decay=0.5", "learning_rate=1")
    student = Student(recipe.contract(("disc",)), recipe.architecture(NEUTRAL, NEUTRAL))

    found = [rate for name, rate in rates(student, recipe).items() if name.startswith("encoder.")]

    assert sorted(set(found)) == [0.3 * 0.5 ** (5 - stage) for stage in range(1 if encoder == "resnet18" else 2, 6)]


def test_the_deepest_stage_of_a_shortened_encoder_learns_at_the_encoder_s_rate(tiny_recipe):
    recipe = tiny_recipe("depth=4", "encoder_weights=hub", "encoder_decay=0.5", "learning_rate=1")
    student = Student(recipe.contract(("disc",)), recipe.architecture(NEUTRAL, NEUTRAL))

    found = {rate for name, rate in rates(student, recipe).items() if name.startswith("encoder.")}

    assert sorted(found) == [0.3 * 0.5 ** (4 - stage) for stage in range(1, 5)]


def test_without_encoder_weights_all_learn_alike(student, tiny_recipe):
    assert set(rates(student, tiny_recipe("encoder_decay=0.5", "learning_rate=1")).values()) == {1}
