"""Learning rate finder: a sweep of rates for a recipe and its data (Smith, Cyclical Learning Rates, 2017)."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback

from training.data.pairs import Pairs
from training.data.split import split
from training.data.views import TrainingView
from training.encoder_weights import load_encoder_weights, normalisation
from training.fit import run_trainer
from training.loop.arithmetic import choose_arithmetic
from training.loop.module import StudentModule
from training.loop.non_finite_loss import NonFiniteLoss
from training.loop.processes import processes
from training.recipe import Recipe
from training.student.atomic_write import write_figure
from training.student.errors import BadInput
from training.student.network import Student

LOWEST_RATE, HIGHEST_RATE = 1e-6, 1.0

_SMOOTHING = 0.9
"""Decay of the smoothed loss, per step."""

_DIVERGED = 2.0
"""The sweep stops at a loss so many times the best: it has diverged."""


@dataclass(frozen=True, slots=True)
class RateSweep:
    """The loss of steps at rising rates."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    """Of single batches."""

    @property
    def smoothed(self) -> tuple[float, ...]:
        """Exponential moving average of the losses, corrected for its start."""
        average, found = 0.0, []
        for step, loss in enumerate(self.losses, 1):
            average = _SMOOTHING * average + (1 - _SMOOTHING) * loss
            found.append(average / (1 - _SMOOTHING**step))
        return tuple(found)

    @property
    def suggested(self) -> float:
        """The rate at which the smoothed loss falls fastest; the first and last tenth of the steps do not count.

        Raises:
            BadInput: It falls nowhere.
        """
        slopes = np.gradient(np.array(self.smoothed), np.log(self.rates))
        margin = len(slopes) // 10
        inner = slopes[margin : len(slopes) - margin]
        if not len(inner) or inner.min() >= 0:
            raise BadInput(
                f"the loss falls at no rate from {LOWEST_RATE:g} to {self.rates[-1]:.2g}; look at photos and masks"
            )
        return float(f"{self.rates[margin + int(inner.argmin())]:.2g}")

    def draw(self, path: Path) -> None:
        """Losses over rates, and the rate suggested, as PNG."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.plot(self.rates, self.losses, ".", color="#bbbbbb", markersize=4, label="a batch")
        axes.plot(self.rates, self.smoothed, color="#3a6ea5", label="smoothed")
        axes.axvline(self.suggested, color="#c2410c", linewidth=1, label=f"{self.suggested:.2g}")
        axes.set_xscale("log")
        axes.set_ylim(top=1.3 * max(self.smoothed[: max(2, len(self.rates) // 2)]))
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
        write_figure(path, figure)


def find_learning_rate(recipe: Recipe, data: Pairs, steps: int) -> RateSweep:
    """Train the recipe's student for a few steps, each at a higher rate. The student is not kept.

    Raises:
        BadInput: As `fit`; or the loss diverges at once.
    """
    contract = recipe.contract(data.classes)
    sides = split(data.pairs, validation=recipe.validation, seed=recipe.seed, test=recipe.test)
    torch.manual_seed(recipe.seed)
    student = Student(contract, recipe.architecture(*normalisation(recipe)))
    load_encoder_weights(student, recipe)
    recipe = recipe.model_copy(update={"scales": (1.0,)})
    training = TrainingView(sides.train, len(data.classes), recipe)
    batches = max(1, len(training) // recipe.batch)
    # Enough epochs. The rates of the one-cycle schedule are replaced; their peaks give the ratio between groups.
    brief = recipe.model_copy(update={"epochs": -(-steps // batches), "ema_decay": 0.0, "freeze": 0})
    rising = _RisingRate(recipe.learning_rate, steps)
    module = StudentModule(student, brief, contract, [])
    try:
        arithmetic = choose_arithmetic(student, recipe, processes(recipe, os.environ)).arithmetic
        run_trainer(module, training, None, arithmetic, [rising])
    except NonFiniteLoss:
        if len(rising.losses) < 10:
            raise
    count = len(rising.losses)
    return RateSweep(tuple(rising.rates[:count]), tuple(rising.losses))


class _RisingRate(Callback):
    """Sets the rate of each step and notes its loss."""

    def __init__(self, peak: float, steps: int) -> None:
        self.rates = np.geomspace(LOWEST_RATE, HIGHEST_RATE, steps).tolist()
        self.losses: list[float] = []
        self._peak = peak

    def on_train_batch_start(self, trainer: L.Trainer, module: L.LightningModule, *_: Any) -> None:
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = self.rates[trainer.global_step] * group["max_lr"] / self._peak

    def on_train_batch_end(self, trainer: L.Trainer, module: L.LightningModule, *_: Any) -> None:
        self.losses.append(float(trainer.callback_metrics["loss_step"]))
        so_far = RateSweep(tuple(self.rates[: len(self.losses)]), tuple(self.losses)).smoothed
        has_diverged = len(so_far) > 10 and so_far[-1] > _DIVERGED * min(so_far)
        if has_diverged or len(self.losses) == len(self.rates):
            trainer.should_stop = True
