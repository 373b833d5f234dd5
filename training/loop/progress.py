"""The progress bar of a training; Lightning's own messages are silenced."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from tqdm import tqdm

from training.loop.module import StudentModule
from training.loop.plan import Pace
from training.loop.timekeeping import Timekeeper
from training.recipe import Recipe

_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left{postfix}"


class ProgressBar(Callback):
    """One bar over the whole training, with the time left of it, the last loss and validation IoU."""

    def __init__(self, timekeeper: Timekeeper | None = None) -> None:
        """Let the bar grow by the seconds that each part should take; without a timekeeper, by steps."""
        self._timekeeper = timekeeper
        self._bar: Any = None
        self._iou = ""

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Start the bar where an interrupted training stopped."""
        recipe, pace, photos = self._parts(trainer, module)
        done = pace.forecast(recipe, photos) - pace.forecast(recipe, photos, trainer.current_epoch)
        self._bar = tqdm(initial=done, desc="train", bar_format=_FORMAT)

    def on_train_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """What is left may have been planned anew."""
        recipe, pace, photos = self._parts(trainer, module)
        left = pace.forecast(recipe, photos, trainer.current_epoch)
        # A trifle more: sums of fractions may pass their total, of which tqdm warns.
        self._bar.total = (self._bar.n + left) * (1 + 1e-9)

    def on_train_batch_end(self, trainer: L.Trainer, module: L.LightningModule, *_: Any) -> None:
        """One step further."""
        recipe, pace, photos = self._parts(trainer, module)
        loss = float(trainer.callback_metrics["loss_step"])
        self._bar.set_postfix_str(
            f"epoch {trainer.current_epoch + 1}/{recipe.epochs}, loss {loss:.3f}{self._iou}", refresh=False
        )
        learning = pace.learning(recipe, recipe.scale(trainer.current_epoch), photos)
        self._bar.update(learning / int(trainer.num_training_batches))

    def on_validation_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """A new validation IoU."""
        self._bar.update(self._parts(trainer, module)[1].validation)
        self._iou = f", validation IoU {float(trainer.callback_metrics['iou']):.3f}"

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Close the bar, which stays on the screen."""
        self._bar.set_postfix_str(self._iou.removeprefix(", "))
        self._bar.close()

    def on_exception(self, trainer: L.Trainer, module: L.LightningModule, exception: BaseException) -> None:
        """Close the bar, so that the error starts on a line of its own."""
        if self._bar is not None:
            self._bar.close()

    def _parts(self, trainer: L.Trainer, module: L.LightningModule) -> tuple[Recipe, Pace, int]:
        """The recipe, the pace, and how many photos an epoch has; without a timekeeper each step counts 1."""
        assert isinstance(module, StudentModule)
        if self._timekeeper is None:
            return module.recipe, Pace(1, 0, 0), int(trainer.num_training_batches)
        return module.recipe, self._timekeeper.pace, self._timekeeper.photos


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Silence messages of Lightning that are not meant for the user of a recipe."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # Workers are chosen by the recipe, for few cores.
        warnings.filterwarnings("ignore", message=".*does not have many workers")
        # The average of the weights is never in training.
        warnings.filterwarnings("ignore", message="Found .* module.* in eval mode at the start of training")
        # A sweep of learning rates is not validated.
        warnings.filterwarnings("ignore", message="You defined a `validation_step` but have no `val_dataloader`")
        # Lightning's own use of torch's internals, for its developers to mend.
        warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated")
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def raise_keyboard_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C, where Lightning would exit as after a failure."""
    try:
        yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
