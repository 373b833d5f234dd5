"""The callback that logs each epoch to a tracker."""

from pathlib import Path
from typing import Any

import cv2
import lightning as L
import numpy as np
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray

from training.data.preview import draw_preview
from training.data.views import ValidationView
from training.loop.checkpointing import epoch_metrics
from training.loop.module import StudentModule
from training.recipe import Recipe
from training.run import Run
from training.student.atomic_write import atomic_path
from training.student.contract import Contract
from training.student.postprocess import postprocess
from training.tracking import Tracker, start_tracking

_SAMPLES = 4
_SIDE = 256


class TrackerCallback(Callback):
    """Loss, IoU, rates and samples of each epoch, the resolved recipe, and in the end the best student."""

    def __init__(self, run: Run, recipe: Recipe, contract: Contract, validation: ValidationView) -> None:
        """Record `run` by the tracker that its recipe names."""
        assert recipe.track
        self._run, self._recipe, self._contract, self._validation = run, recipe, contract, validation
        self._folder = run.folder / recipe.track
        self._samples: list[NDArray[np.uint8]] = []
        self._tracker: Tracker | None = None

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Start a tracked run, or continue that of an interrupted training."""
        if trainer.is_global_zero:
            assert self._recipe.track
            again = trainer.current_epoch > 0
            self._tracker = start_tracking(
                self._recipe.track, self._folder, self._run.folder.resolve().name, again=again
            )
            if not again:
                assert isinstance(module, StudentModule)
                self._tracker.log_settings(module.recipe.model_dump(mode="json"))

    def on_validation_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Draw the first photos with the student's mask, and its teacher's outlined."""
        inputs, indices = batch
        for input_, logits, index in zip(inputs.cpu().numpy(), outputs.numpy(), indices.tolist(), strict=True):
            if len(self._samples) < _SAMPLES:
                teacher_mask = self._validation.teacher_masks[index]
                mask = postprocess(logits, self._contract, *teacher_mask.shape).astype(np.uint8)
                photo = np.ascontiguousarray(input_.transpose(1, 2, 0))
                self._samples.append(
                    draw_preview(photo, mask, len(self._contract.classes), side=_SIDE, other=teacher_mask)
                )

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Lightning validates before this."""
        if self._tracker is not None:
            rates = sorted({group["lr"] for group in trainer.optimizers[0].param_groups}, reverse=True)
            more = {f"learning_rate_{number}": float(rate) for number, rate in enumerate(rates[1:], 2)}
            row = epoch_metrics(trainer)
            self._tracker.log_step({**row, **more}, [self._drawn()], number=int(row["epoch"]))
        self._samples = []

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Log the files of the run."""
        if self._tracker is not None:
            for path in (self._run.record, self._run.checkpoint, self._run.checkpoint.with_suffix(".json")):
                self._tracker.log_file(path)
            self._tracker.close()

    def on_exception(self, trainer: L.Trainer, module: L.LightningModule, exception: BaseException) -> None:
        """Close this session; the run stays open, to be continued."""
        if self._tracker is not None:
            self._tracker.close(is_over=False)

    def _drawn(self) -> Path:
        path = self._folder / "samples.png"
        sheet: Any = cv2.imencode(".png", cv2.cvtColor(np.hstack(self._samples), cv2.COLOR_RGB2BGR))[1]
        with atomic_path(path) as temporary:
            temporary.write_bytes(sheet.tobytes())
        return path
