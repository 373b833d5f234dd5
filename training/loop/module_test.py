import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback

from training.data.views import TrainingView, ValidationView
from training.fit import run_trainer
from training.loop.module import StudentModule
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
    run_trainer(module, TrainingView(discs.pairs[:8], 1, recipe), validation, "fp32", [watch])
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


class States(Callback):
    """Keeps the encoder after each epoch, and whether gradients reached it."""

    def __init__(self):
        self.encoders, self.reached = [], []

    def on_before_optimizer_step(self, trainer, module, optimizer):
        self.reached.append(any(one.grad is not None for one in module.network.encoder.parameters()))

    def on_train_epoch_end(self, trainer, module):
        self.encoders.append({name: value.clone() for name, value in module.network.encoder.state_dict().items()})


def run_module(discs, recipe, callback):
    contract = recipe.contract(discs.classes)
    validation = ValidationView(discs.pairs[8:], contract)
    torch.manual_seed(0)
    student = Student(contract, recipe.architecture(NEUTRAL, NEUTRAL))
    start = {name: value.clone() for name, value in student.encoder.state_dict().items()}
    module = StudentModule(student, recipe, contract, validation.teacher_masks)
    run_trainer(module, TrainingView(discs.pairs[:8], 1, recipe), validation, "fp32", [callback])
    return module, start


def test_a_frozen_encoder_stays_as_it_is_with_its_statistics_and_then_learns(discs, tiny_recipe):
    states = States()

    _, start = run_module(discs, tiny_recipe("encoder_weights=hub", "freeze=2"), states)

    for epoch in states.encoders[:2]:
        assert all(torch.equal(value, start[name]) for name, value in epoch.items())
    changed = [name for name, value in states.encoders[2].items() if not torch.equal(value, start[name])]
    assert any(name.endswith("running_mean") for name in changed)
    assert any(name.endswith("conv_stem.weight") for name in changed)
    assert states.reached == [False] * 4 + [True] * 2


class Norms(Callback):
    """Notes the norm of each step's gradient."""

    def __init__(self):
        self.norms = []

    def on_train_batch_end(self, trainer, module, *_):
        gradients = [one.grad for one in module.network.parameters() if one.grad is not None]
        self.norms.append(float(torch.nn.utils.get_total_norm(gradients)))


def test_gradients_are_no_longer_than_the_recipe_allows(discs, tiny_recipe):
    free, clipped = Norms(), Norms()
    for override, norms in (("gradient_clip=0", free), ("gradient_clip=0.1", clipped)):
        run_module(discs, tiny_recipe(override), norms)

    assert len(clipped.norms) == 6
    assert min(free.norms) > 0.1
    assert clipped.norms == pytest.approx([0.1] * len(clipped.norms), rel=1e-3)


class Logits(Callback):
    """Keeps what the network, and what is taught, make of one photo when validation begins."""

    def on_validation_epoch_start(self, trainer, module):
        photo = torch.full((1, 3, 64, 64), 90.0)
        self.own, self.kept = module.network.eval()(photo), module.validated_network(photo)


def test_the_average_is_what_is_validated(discs, tiny_recipe):
    logits = Logits()

    module, _ = run_module(discs, tiny_recipe("ema_decay=0.99"), logits)

    assert module.validated_network is not module.network
    assert not torch.allclose(logits.own, logits.kept)
    assert run_module(discs, tiny_recipe(), logits)[0].validated_network is not module.validated_network
    assert torch.equal(logits.own, logits.kept)
