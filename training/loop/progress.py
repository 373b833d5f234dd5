"""The progress bar of a training; Lightning's own messages are silenced."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from tqdm import tqdm


class ProgressBar(Callback):
    """One bar over all steps, with the last loss and validation IoU."""

    def __init__(self, epochs: int) -> None:
        """For that many epochs."""
        self._epochs = epochs
        self._bar: Any = None
        self._iou = ""

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Start the bar at the step where an interrupted training stopped."""
        steps = int(trainer.num_training_batches)
        self._bar = tqdm(total=steps * self._epochs, initial=trainer.global_step, desc="train", unit="step")

    def on_train_batch_end(self, trainer: L.Trainer, module: L.LightningModule, *_: Any) -> None:
        """One step further."""
        loss = float(trainer.callback_metrics["loss_step"])
        self._bar.set_postfix_str(
            f"epoch {trainer.current_epoch + 1}/{self._epochs}, loss {loss:.3f}{self._iou}", refresh=False
        )
        self._bar.update()

    def on_validation_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """A new validation IoU."""
        self._iou = f", validation IoU {float(trainer.callback_metrics['iou']):.3f}"

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Close the bar, which stays on the screen."""
        self._bar.set_postfix_str(self._iou.removeprefix(", "))
        self._bar.close()

    def on_exception(self, trainer: L.Trainer, module: L.LightningModule, exception: BaseException) -> None:
        """Close the bar, so that the error starts on a line of its own."""
        if self._bar is not None:
            self._bar.close()


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
