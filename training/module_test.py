import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback

from training.data.views import TrainingView, ValidationView
from training.fit import teach
from training.module import StudentModule
from training.student.network import Student
from training.student.normalisation import NEUTRAL


class Watch(Callback):
    """Notes what the optimiser was given and how its rates went."""

    def on_train_start(self, trainer, module):
        self.groups = [dict(group) for group in trainer.optimizers[0].param_groups]
        self.rates = []

    def on_train_batch_start(self, trainer, module, *_):
        self.rates.append([group["lr"] for group in trainer.optimizers[0].param_groups])


@pytest.fixture(scope="module")
def taught(discs, tiny_recipe):
    """A module whose recipe says that its encoder comes with weights, after two epochs, and what was seen of it."""
    recipe = tiny_recipe(
        "epochs=2", "photos_per_epoch=24", "encoder_weights=hub", "encoder_rate=0.25", "weight_decay=0.125"
    )
    contract = recipe.contract(discs.classes)
    validation = ValidationView(discs.pairs[8:], contract)
    student = Student(contract, recipe.architecture(NEUTRAL, NEUTRAL))
    module = StudentModule(student, recipe, contract, validation.teacher_masks)
    watch = Watch()
    teach(module, TrainingView(discs.pairs[:8], 1, recipe), validation, "fp32", [watch])
    return module, watch


def test_every_parameter_is_taught_once(taught):
    module, watch = taught

    given = [id(parameter) for group in watch.groups for parameter in group["params"]]

    assert sorted(given) == sorted(id(parameter) for parameter in module.parameters())


def test_kernels_decay_and_normalisation_and_biases_do_not(taught):
    for group in taught[1].groups:
        assert group["weight_decay"] in (0, 0.125)
        for parameter in group["params"]:
            assert (parameter.ndim > 1) == (group["weight_decay"] == 0.125)


def test_an_encoder_with_weights_learns_more_gently(taught):
    module, watch = taught
    encoder = {id(parameter) for parameter in module.network.encoder.parameters()}

    for group in watch.groups:
        expected = 0.01 * (0.25 if id(group["params"][0]) in encoder else 1)
        assert {id(parameter) in encoder for parameter in group["params"]} == {expected != 0.01}
        assert group["max_lr"] == pytest.approx(expected)


def test_rates_rise_to_their_peak_and_fall(taught):
    rates = np.array(taught[1].rates)

    assert len(rates) == 12
    assert (rates.argmax(axis=0) == 1).all()
    assert (np.diff(rates[1:], axis=0) < 0).all()
    assert (rates[-1] < rates[1] / 20).all()


def test_every_weight_moves(taught, tiny_recipe):
    module, _ = taught
    recipe = module.recipe
    torch.manual_seed(0)
    fresh = Student(module.contract, recipe.architecture(NEUTRAL, NEUTRAL)).state_dict()

    assert all(
        not torch.equal(fresh[name], parameter)
        for name, parameter in module.network.named_parameters()
        if parameter.ndim > 1
    )
