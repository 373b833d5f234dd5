"""From pairs and a recipe to the best student of a run."""

import csv
import dataclasses
import importlib.metadata
import io
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from torch.utils.data import DataLoader
from tqdm import tqdm

from training.arithmetic import Format, choose, prepared
from training.balance import class_weights
from training.curves import draw
from training.data.pairs import Pairs, check_pairs
from training.data.split import split
from training.data.views import TrainingView, ValidationView, training_batches
from training.memory import keep_freed_memory
from training.module import StudentModule
from training.recipe import Recipe
from training.run import Run, asked
from training.state import SafetensorsIO
from training.student.aside import write_text
from training.student.checkpoint import Checkpoint, load, save
from training.student.network import Student
from training.student.support import refuse_blocked
from training.weights import load_into, normalisation


def fit(recipe: Recipe, *, data: Pairs, run: Run, callbacks: Sequence[Callback] = ()) -> Checkpoint:
    """The student of the best epoch, by validation IoU.

    The run's folder then holds its checkpoint, metrics and curves. A run that was interrupted goes on with the
    epoch after the last whole one, and ends as if it had not been; a finished one is only loaded.

    Raises:
        ConversionRefused: No phone target takes the recipe's encoder.
        BadInput: The recipe, the data or what lies in the run's folder will not do, and nothing was written; or the
            loss stopped being a number, or the disk is full, and what was written before is whole.
    """
    contract = recipe.contract(data.classes)
    refuse_blocked(recipe.encoder)
    architecture = recipe.architecture(*normalisation(recipe))
    torch.manual_seed(recipe.seed)
    student = Student(contract, architecture)
    sides = split(data.pairs, validation=recipe.validation, seed=recipe.seed, test=recipe.test)
    wanted = asked(recipe, data, sides)
    run.refuse_another(wanted)
    if run.is_finished:
        return load(run.checkpoint)
    if not run.state.exists():
        names = {side: [pair.name for pair in getattr(sides, side)] for side in ("train", "validation")}
        for remark in check_pairs(data).remarks(**names):
            tqdm.write(f"note: {remark}", sys.stderr)
        load_into(student, recipe)
    training = TrainingView(sides.train, len(data.classes), recipe)
    validation = ValidationView(sides.validation, contract)
    weights = (
        class_weights(check_pairs(data), [p.name for p in sides.train], recipe.balance) if recipe.balance else None
    )
    module = StudentModule(student, recipe, contract, validation.teacher_masks, weights)
    arithmetic = choose(student, recipe, earlier=run.arithmetic)
    run.claim(wanted, arithmetic.format)
    tqdm.write(
        f"{len(sides.train)} pairs to learn from, {len(validation)} to validate with; "
        f"{arithmetic.format} arithmetic: {arithmetic.reason}"
    )
    facts = {
        "recipe": recipe.model_dump(mode="json"),
        "data": ", ".join(folder.name for folder in data.folders),
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "timm", "lightning")},
    }
    keep = Keep(run, Checkpoint(student, contract, architecture, facts))
    teach(module, training, validation, arithmetic.format, [keep, *callbacks], state=run.state)
    run.finish()
    return load(run.checkpoint)


def teach(
    module: StudentModule,
    training: TrainingView,
    validation: ValidationView,
    arithmetic: Format,
    callbacks: Sequence[Callback],
    state: Path | None = None,
) -> None:
    """Run Lightning's loop to its end.

    Args:
        module: What is taught, and by which recipe.
        training: What it learns from.
        validation: What it is validated with.
        arithmetic: The number format.
        callbacks: Told of everything, beside the progress bar.
        state: Of an interrupted training to go on with, if it exists.
    """
    recipe = module.recipe
    keep_freed_memory()
    prepared(module, arithmetic)
    with _quiet(), _interruptible():
        trainer = L.Trainer(
            max_epochs=recipe.epochs,
            precision="bf16-mixed" if arithmetic == "bf16" else "32-true",
            callbacks=[
                Progress(recipe.epochs),
                EarlyStopping("iou", mode="max", patience=recipe.patience, check_finite=False),
                *callbacks,
            ],
            gradient_clip_val=recipe.clip or None,
            plugins=[SafetensorsIO()],
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(
            module,
            training_batches(training, recipe),
            DataLoader(validation, batch_size=recipe.batch),
            ckpt_path=state if state and state.exists() else None,
        )


class Keep(Callback):
    """After each epoch: the best student so far, the figures, their picture, and the state to go on from."""

    def __init__(self, run: Run, checkpoint: Checkpoint) -> None:
        """Keep them in `run`; `checkpoint` holds the student in training and what is known of it already."""
        self._run = run
        self._checkpoint = checkpoint
        self._rows: list[dict[str, float]] = []
        self._best = -1.0

    def state_dict(self) -> dict[str, Any]:
        """What must survive an interruption."""
        return {"rows": self._rows, "best": self._best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with it."""
        self._rows, self._best = state["rows"], state["best"]

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Lightning validates before this."""
        figures = trainer.callback_metrics
        row = {
            "epoch": trainer.current_epoch + 1,
            "loss": round(float(figures["loss_epoch"]), 6),
            "iou": round(float(figures["iou"]), 6),
            "learning_rate": float(f"{trainer.optimizers[0].param_groups[-1]['lr']:.3g}"),
        }
        self._rows.append(row)
        if row["iou"] > self._best:
            self._best = row["iou"]
            facts = {"epoch": row["epoch"], "validation_iou": row["iou"], **self._checkpoint.facts}
            assert isinstance(module, StudentModule)
            assert isinstance(module.taught, Student)
            save(dataclasses.replace(self._checkpoint, student=module.taught, facts=facts), self._run.checkpoint)
        write_text(self._run.metrics, _as_csv(self._rows))
        draw(self._rows, self._run.curves)
        # Last: an interruption before it repeats the epoch, which writes the same again.
        trainer.save_checkpoint(self._run.state)


class Progress(Callback):
    """One bar over all steps, with the last figures."""

    def __init__(self, epochs: int) -> None:
        """For that many epochs."""
        self._epochs = epochs
        self._bar: Any = None
        self._iou = ""

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Open it where an earlier session stopped."""
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
        """Leave the finished bar on the screen."""
        self._bar.set_postfix_str(self._iou.removeprefix(", "))
        self._bar.close()

    def on_exception(self, trainer: L.Trainer, module: L.LightningModule, exception: BaseException) -> None:
        """Leave the line to the error."""
        if self._bar is not None:
            self._bar.close()


def _as_csv(rows: list[dict[str, float]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what Lightning says that is not meant for the user of a recipe."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # Workers are chosen by the recipe, for few cores.
        warnings.filterwarnings("ignore", message=".*does not have many workers")
        # The average of the weights is never in training.
        warnings.filterwarnings("ignore", message="Found .* module.* in eval mode at the start of training")
        # Lightning's own use of torch's internals, for its developers to mend.
        warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated")
        try:
            yield
        finally:
            logger.setLevel(level)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Undo that Lightning turns Ctrl-C into an exit like any failure's."""
    try:
        yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
