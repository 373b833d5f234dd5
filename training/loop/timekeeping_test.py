"""A clock that the training itself moves drives these: a busy machine changes nothing in them."""

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from training.data.augment import input_size
from training.data.views import TrainingView, ValidationView
from training.fit import run_trainer
from training.loop.module import StudentModule
from training.loop.plan import Pace
from training.loop.timekeeping import Timekeeper
from training.student.errors import BadInput
from training.student.network import Student
from training.student.normalisation import NEUTRAL

PACE = Pace(0.1, 0.9 / 128**2, 2.0)
"""As measured: a second for a photo of full size, eight an epoch."""


class Clock(Callback):
    """Takes as long as the pace says, from some epoch on times a factor."""

    def __init__(self, factor=1.0, since=0):
        self.now, self._factor, self._since = 1000.0, factor, since
        self.sides = []

    def __call__(self):
        return self.now

    def on_train_batch_end(self, trainer, module, outputs, batch, *_):
        count, _, rows, columns = batch[0].shape
        self._pass(trainer, count * (PACE.photo + PACE.pixel * rows * columns))
        self.sides += [rows] if trainer.is_last_batch else []

    def on_validation_end(self, trainer, module):
        self._pass(trainer, PACE.validation)

    def _pass(self, trainer, seconds):
        self.now += seconds * (self._factor if trainer.current_epoch >= self._since else 1)


class Rates(Callback):
    """The learning rate of each step."""

    def __init__(self):
        self.rates = []

    def on_train_batch_start(self, trainer, module, *_):
        self.rates.append(trainer.optimizers[0].param_groups[-1]["lr"])


def run(discs, recipe, clock, *callbacks, pace=PACE, **options):
    """Train for the recipe's minutes by that clock, of which 10 seconds have gone by; gives the module."""
    contract = recipe.contract(discs.classes)
    validation = ValidationView(discs.pairs[8:], contract)
    torch.manual_seed(0)
    student = Student(contract, recipe.architecture(NEUTRAL, NEUTRAL))
    module = StudentModule(student, recipe, contract, validation.teacher_masks)
    training = TrainingView(discs.pairs[:8], 1, recipe)
    keeper = Timekeeper(lambda: pace, len(training), started=clock() - 10, clock=clock, **options)
    run_trainer(module, training, validation, "fp32", [clock, *callbacks], timekeeper=keeper)
    return module


def _timed(recipe):
    return recipe.model_copy(update={"minutes": 1.5})


@pytest.fixture(scope="module")
def recipe(tiny_recipe):
    return _timed(tiny_recipe("height=128", "width=128", "patience=100"))


@pytest.mark.parametrize(("factor", "since"), [(1, 0), (0.8, 0), (1.4, 0), (1.6, 3)], ids=lambda value: f"{value:g}")
def test_a_training_ends_in_time_whatever_the_pace_and_its_rates_reach_their_end(discs, recipe, factor, since):
    clock, rates, records = Clock(factor, since), Rates(), []

    module = run(discs, recipe, clock, rates, record=records.append)

    spent = clock.now - 1000 + 10
    assert spent == pytest.approx(90, rel=0.1)
    planned = module.recipe
    assert records[-1] == planned
    assert len({one.epochs for one in records}) == 1
    assert (len(records) > 1) == (factor != 1)
    assert clock.sides == [input_size(planned, scale)[0] for scale in planned.scales]
    assert len(rates.rates) == 2 * planned.epochs
    assert rates.rates[-1] < max(rates.rates) / 20


def test_a_machine_that_becomes_much_faster_late_ends_early_with_the_rest_at_full_size(discs, recipe):
    clock = Clock(0.5, 4)

    module = run(discs, recipe, clock)

    assert clock.now - 1000 + 10 < 0.9 * 90
    assert set(module.recipe.scales[5:]) == {1.0}


def test_the_options_of_a_plan_repeat_it_exactly(discs, recipe):
    slowed = run(discs, recipe, Clock(1.6, 2))
    options = {"minutes": None, "epochs": slowed.recipe.epochs, "scales": slowed.recipe.scales}

    repeated = run(discs, recipe.model_copy(update=options), Clock())

    for name, value in slowed.state_dict().items():
        assert torch.equal(value, repeated.state_dict()[name])


def test_a_plan_of_an_earlier_session_is_kept_however_long_it_takes(discs, recipe):
    earlier = recipe.model_copy(update={"epochs": 3, "scales": (0.5, 1.0, 1.0)})
    records = []

    module = run(discs, recipe, Clock(5), earlier=earlier, record=records.append)

    assert module.recipe == earlier
    assert set(map(id, records)) <= {id(module.recipe)}


def test_what_is_frozen_learns_faster_and_says_nothing_of_what_comes_after(discs, tiny_recipe):
    recipe = _timed(tiny_recipe("height=128", "width=128", "patience=100", "encoder_weights=hub", "freeze=2"))
    records = []

    class Frozen(Clock):
        def _pass(self, trainer, seconds):
            self.now += seconds * (0.5 if trainer.current_epoch < 2 else 1)

    clock = Frozen()
    run(discs, recipe, clock, record=records.append)

    assert clock.now - 1000 + 10 == pytest.approx(90, rel=0.1)


def test_fewer_minutes_than_one_epoch_takes_are_refused_before_the_first_step(discs, recipe):
    rates = Rates()
    with pytest.raises(BadInput, match=r"minutes=1.5 is too short: one epoch of 8 photos takes 26.7 min here; use"):
        run(discs, recipe, Clock(), rates, pace=Pace(0.1, 0.0122, 2.0))

    assert not rates.rates


def test_a_training_that_gets_no_better_stops_before_its_minutes_are_over(discs, tiny_recipe):
    clock = Clock()

    run(discs, _timed(tiny_recipe("height=128", "width=128", "patience=1", "threshold=1e6")), clock)

    assert len(clock.sides) == 2


def test_it_says_before_the_first_step_how_long_it_takes_and_what_would_shorten_it(discs, recipe, capsys):
    run(discs, recipe.model_copy(update={"minutes": None, "epochs": 20, "scales": (1.0,)}), Clock())
    run(discs, recipe, Clock())

    free, timed = [line for line in capsys.readouterr().out.splitlines() if "take" in line]
    assert free == "20 epochs take about 3.3 min; minutes=2 plans a shorter run"
    assert "of minutes=1.5: epochs=" in timed
    assert timed.endswith("] repeats them")
