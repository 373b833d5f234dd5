"""The callback that foresees how long a training takes, and where it has so many minutes, plans and keeps to them."""

import time
from collections.abc import Callable
from dataclasses import replace

import lightning as L
from lightning.pytorch.callbacks import Callback
from tqdm import tqdm

from training.loop.module import StudentModule
from training.loop.plan import Pace, duration, plan, resize
from training.recipe import Recipe

_LENIENCE = 0.03
"""Share of the time by which the forecast may miss it before the inputs to come are resized."""


class Timekeeper(Callback):
    """Measures the pace before the first step and in each epoch.

    With `minutes` it gives the module a recipe with planned epochs and scales, and records them. While the pace turns
    out otherwise, the inputs of the epochs to come are resized. A plan that an earlier session made is kept unchanged.
    """

    def __init__(
        self,
        measure: Callable[[], Pace],
        photos: int,
        *,
        started: float,
        earlier: Recipe | None = None,
        record: Callable[[Recipe], None] = lambda planned: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Watch one training.

        Args:
            measure: The pace, called when the network is on its device.
            photos: Of an epoch.
            started: When `minutes` began, by the clock.
            earlier: The recipe as an earlier session planned it.
            record: Called by the first process with each plan.
            clock: Seconds.
        """
        self.pace = Pace(1, 0, 0)
        """As last measured."""
        self.photos = photos
        self._measure = measure
        self._started, self._clock = started, clock
        self._earlier, self._record = earlier, record
        self._began = self._learnt = 0.0
        self._has_epoch = False

    def setup(self, trainer: L.Trainer, module: L.LightningModule, stage: str) -> None:
        """Measure, and plan where there are minutes. All processes take what the first measured."""
        assert isinstance(module, StudentModule)
        module.network.to(trainer.strategy.root_device)
        self.pace, spent, earlier = trainer.strategy.broadcast((self._measure(), self._spent(), self._earlier))
        if module.recipe.minutes is not None:
            planned = earlier or plan(module.recipe, self.photos, self.pace, 60 * module.recipe.minutes - spent)
            self._take(trainer, module, planned)
            trainer.fit_loop.max_epochs = planned.epochs

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Say how long it will take."""
        assert isinstance(module, StudentModule)
        if trainer.is_global_zero:
            recipe, done = module.recipe, trainer.current_epoch
            left = self.pace.forecast(recipe, self.photos, done)
            tqdm.write(f"{_epochs(recipe, done)} take about {duration(left)}{self._advice(recipe, left)}")

    def on_train_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Correct the pace by the epoch before, and the sizes to come by the pace."""
        assert isinstance(module, StudentModule)
        now, done = self._clock(), trainer.current_epoch
        if self._has_epoch:
            pace = self._corrected(module.recipe, done - 1, now)
            self.pace, spent = trainer.strategy.broadcast((pace, self._spent()))
            if module.recipe.minutes is not None and self._earlier is None:
                self._keep_to(60 * module.recipe.minutes - spent, trainer, module, done)
        self._began, self._has_epoch = now, True

    def on_validation_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """The epoch's learning is over."""
        self._learnt = self._clock()

    def _spent(self) -> float:
        return self._clock() - self._started

    def _corrected(self, recipe: Recipe, epoch: int, now: float) -> Pace:
        """The pace as that epoch had it."""
        validation = now - self._learnt
        # A frozen encoder learns faster than what comes after.
        expected = self.pace.learning(recipe, recipe.scale(epoch), self.photos)
        if epoch < recipe.freeze or not expected:
            return replace(self.pace, validation=validation)
        ratio = (self._learnt - self._began) / expected
        return Pace(ratio * self.pace.photo, ratio * self.pace.pixel, validation)

    def _keep_to(self, left: float, trainer: L.Trainer, module: StudentModule, done: int) -> None:
        assert module.recipe.minutes
        miss = self.pace.forecast(module.recipe, self.photos, done) - left
        if abs(miss) <= _LENIENCE * 60 * module.recipe.minutes:
            return
        planned = resize(module.recipe, self.photos, self.pace, left, done)
        if planned != module.recipe:
            self._take(trainer, module, planned)
            if trainer.is_global_zero:
                found = "slower" if miss > 0 else "faster"
                tqdm.write(f"{found} than planned, so other sizes from epoch {done + 1} on: {_options(planned)}")

    def _take(self, trainer: L.Trainer, module: StudentModule, planned: Recipe) -> None:
        module.recipe = planned
        if trainer.is_global_zero:
            self._record(planned)

    def _advice(self, recipe: Recipe, left: float) -> str:
        if recipe.minutes is None:
            return f"; minutes={max(1, round(left / 120))} plans a shorter run" if left >= 120 else ""
        return f" of minutes={recipe.minutes:g}: {_options(recipe)} repeats them"


def _epochs(recipe: Recipe, done: int) -> str:
    number = recipe.epochs - done
    return f"{number} {'epoch' if number == 1 else 'epochs'}{' more' if done else ''}"


def _options(recipe: Recipe) -> str:
    """As they are typed."""
    return f"epochs={recipe.epochs} scales=[{','.join(f'{scale:g}' for scale in recipe.scales)}]"
