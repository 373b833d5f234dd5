"""The callback that writes checkpoints, metrics and curves into the run's folder after each epoch."""

import dataclasses
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback

from training.loop.curves import draw_curves
from training.loop.module import StudentModule
from training.run import Run
from training.student.atomic_write import write_csv
from training.student.checkpoint import Checkpoint, save_checkpoint
from training.student.network import Student


class SaveCheckpoints(Callback):
    """After each epoch: the best student so far, the figures, their picture, and the state to go on from."""

    def __init__(self, run: Run, checkpoint: Checkpoint) -> None:
        """Write into `run`; `checkpoint` holds the student in training and the facts known before."""
        self._run = run
        self._checkpoint = checkpoint
        self._rows: list[dict[str, float]] = []
        self._best = -1.0

    @property
    def state_key(self) -> str:
        """The name of its state in an interrupted training, as versions before this one wrote it."""
        return "Keep"

    def state_dict(self) -> dict[str, Any]:
        """What must survive an interruption."""
        return {"rows": self._rows, "best": self._best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with it."""
        self._rows, self._best = state["rows"], state["best"]

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Lightning validates before this."""
        row = epoch_metrics(trainer)
        self._rows.append(row)
        is_best = row["iou"] > self._best
        self._best = max(row["iou"], self._best)
        # Of several processes all count along, and the first writes.
        if trainer.is_global_zero:
            assert isinstance(module, StudentModule)
            recipe = module.recipe.model_dump(mode="json")
            facts = {"epoch": row["epoch"], "validation_iou": row["iou"], "recipe": recipe, **self._checkpoint.facts}
            assert isinstance(module.validated_network, Student)
            student = dataclasses.replace(self._checkpoint, student=module.validated_network, facts=facts)
            for path in [self._run.last, *([self._run.checkpoint] if is_best else [])]:
                save_checkpoint(student, path)
            write_csv(self._run.metrics, self._rows)
            draw_curves(self._rows, self._run.curves)
        # Last: an interruption before this line repeats the epoch and writes the same files. Waits for all processes.
        trainer.save_checkpoint(self._run.state)


def epoch_metrics(trainer: L.Trainer) -> dict[str, float]:
    """Metrics of the epoch that ends: number from 1, mean loss, validation IoU, the decoder's last learning rate."""
    found = trainer.callback_metrics
    return {
        "epoch": trainer.current_epoch + 1,
        "loss": round(float(found["loss_epoch"]), 6),
        "iou": round(float(found["iou"]), 6),
        "learning_rate": float(f"{trainer.optimizers[0].param_groups[-1]['lr']:.3g}"),
    }
