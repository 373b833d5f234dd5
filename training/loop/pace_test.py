import pytest
import torch

from training.data.views import TrainingView, ValidationView
from training.loop.arithmetic import prepare_for_training
from training.loop.module import StudentModule
from training.loop.pace import measure_pace
from training.loop.processes import ALONE
from training.student.network import Student
from training.student.normalisation import NEUTRAL


@pytest.mark.parametrize("kind", ["fp32", "bf16"])
@pytest.mark.parametrize("workers", [0, 1])
def test_measuring_changes_neither_the_network_nor_the_random_numbers_to_come(discs, tiny_recipe, kind, workers):
    recipe = tiny_recipe("height=128", "width=128", f"workers={workers}")
    contract = recipe.contract(discs.classes)
    student = Student(contract, recipe.architecture(NEUTRAL, NEUTRAL))
    validation = ValidationView(discs.pairs[8:], contract)
    module = StudentModule(student, recipe, contract, validation.teacher_masks)
    prepare_for_training(module, kind, "cpu")
    before = {name: value.clone() for name, value in module.state_dict().items()}
    numbers = torch.random.get_rng_state()

    pace = measure_pace(module, TrainingView(discs.pairs[:8], 1, recipe), validation, kind, ALONE)

    assert torch.equal(torch.random.get_rng_state(), numbers)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert module.network.training
    assert pace.photo >= 0
    assert pace.pixel >= 0
    assert pace.learning(recipe, 1.0, 8) > 0
    assert pace.validation > 0.5
