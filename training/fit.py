"""From pairs and a recipe to the best student of a run."""

import importlib.metadata
import os
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from tqdm import tqdm

from training.class_weights import class_weights
from training.data.census import Census
from training.data.pairs import Pairs
from training.data.scan import digest, scan
from training.data.split import Split, split
from training.data.store import Bound
from training.data.views import TrainingView, ValidationView, at_stored_size
from training.encoder_weights import load_encoder_weights, normalisation
from training.loop.arithmetic import PRECISIONS, WAYS, choose_arithmetic, prepare_for_training
from training.loop.batches import ResumeOrder, training_batches, validation_batches
from training.loop.checkpointing import SaveCheckpoints
from training.loop.malloc import keep_freed_memory
from training.loop.module import StudentModule
from training.loop.out_of_memory import explain_out_of_memory
from training.loop.pace import measure_pace
from training.loop.processes import Processes, processes
from training.loop.progress import ProgressBar, quiet_lightning, raise_keyboard_interrupt
from training.loop.state import SafetensorsIO
from training.loop.sync_batchnorm import synchronise_batchnorm
from training.loop.timekeeping import Timekeeper
from training.loop.tracker_callback import TrackerCallback
from training.recipe import Arithmetic, Recipe
from training.run import Run, run_record
from training.student.checkpoint import Checkpoint, load_checkpoint
from training.student.claim import claim
from training.student.errors import BadInput
from training.student.network import Student
from training.student.support import refuse_blocked
from training.student.temporary import sweep

FROM_SCRATCH = (
    "the encoder starts from scratch; masks are mostly far better from ImageNet's weights: encoder_weights=hub"
)


def fit(
    recipe: Recipe, *, data: Pairs, run: Run, callbacks: Sequence[Callback] = (), started: float | None = None
) -> Checkpoint:
    """The student of the best epoch, by validation IoU.

    The run's folder then holds its checkpoint, metrics and curves. A run that was interrupted goes on with the
    epoch after the last whole one, and ends as if it had not been; a finished one is only loaded.

    Args:
        recipe: All options.
        data: To learn from.
        run: Where to.
        callbacks: Of Lightning.
        started: When the recipe's minutes began, by `time.monotonic`; None: now.

    Raises:
        ConversionRefused: No phone target takes the recipe's encoder.
        BadInput: The recipe, the data or what lies in the run's folder will not do, and nothing was written; or the
            loss stopped being a number, memory or disk ran out, and what was written before is whole.
    """
    started = time.monotonic() if started is None else started
    together = processes(recipe, os.environ)
    is_writer = together.is_first and not run.is_finished
    if together.is_first and run.is_finished:
        # A kill at the very end leaves its lock in a run that is never claimed again.
        sweep(run.folder)
    # Before any photo is read. Of several processes the first claims the folder.
    with claim(run.folder) if is_writer else nullcontext():
        return _fit(recipe, data, run, callbacks, together, started)


def _fit(
    recipe: Recipe, data: Pairs, run: Run, callbacks: Sequence[Callback], together: Processes, started: float
) -> Checkpoint:
    contract = recipe.contract(data.classes)
    refuse_blocked(recipe.encoder)
    architecture = recipe.architecture(*normalisation(recipe))
    torch.manual_seed(recipe.seed)
    student = Student(contract, architecture)
    if run.is_finished:
        if together.is_first:
            run.refuse_another(run_record(recipe, data, Split((), ()), digest(data.pairs)))
        return load_checkpoint(run.checkpoint)
    bound = Bound.of(recipe.cache, together.devices)
    found = scan(data, lambda whole: at_stored_size(whole, recipe), bound.memory)
    sides = split(data.pairs, validation=recipe.validation, seed=recipe.seed, test=recipe.test, hashes=found.hashes)
    wanted = run_record(recipe, data, sides, found.digest)
    if together.is_first:
        run.refuse_another(wanted)
    if not run.state.exists():
        if together.is_first:
            _remark(recipe, found.census, sides)
        load_encoder_weights(student, recipe)
    training = TrainingView(sides.train, len(data.classes), recipe, bound, found.decoded)
    names = [pair.name for pair in sides.train]
    weights = class_weights(found.census, names, recipe.balance) if recipe.balance else None
    # What it decoded lies in the view now, within its bound; the rest makes room for what validates.
    del found
    validation = ValidationView(sides.validation, contract, Bound.of(recipe.cache, together.devices))
    module = StudentModule(student, recipe, contract, validation.teacher_masks, weights)
    with explain_out_of_memory(student, recipe, "fp32"):
        chosen = choose_arithmetic(student, recipe, together, earlier=run.arithmetic)
    earlier = run.planned(recipe)
    if together.is_first:
        run.claim(wanted, chosen.arithmetic)
        tqdm.write(
            f"{len(sides.train)} pairs to learn from, {len(validation)} to validate with; "
            f"{chosen.arithmetic} arithmetic: {chosen.reason}"
        )
    facts = {
        "data": ", ".join(folder.name for folder in data.folders),
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "timm", "lightning")},
    }
    told: list[Callback] = [SaveCheckpoints(run, Checkpoint(student, contract, architecture, facts))]
    if recipe.track:
        told.append(TrackerCallback(run, recipe, contract, validation))
    timekeeper = Timekeeper(
        lambda: measure_pace(module, training, validation, chosen.arithmetic, together),
        len(training),
        started=started,
        earlier=earlier,
        record=run.keep_plan,
    )
    try:
        run_trainer(module, training, validation, chosen.arithmetic, [*told, *callbacks], run.state, timekeeper)
    except BadInput:
        if together.is_first:
            run.release()
        raise
    if together.is_first:
        run.finish()
    return load_checkpoint(run.checkpoint)


def _remark(recipe: Recipe, census: Census, sides: Split) -> None:
    names = {side: [pair.name for pair in getattr(sides, side)] for side in ("train", "validation")}
    remarks = census.remarks(**names)
    if recipe.encoder_weights == "none":
        remarks = [*remarks, FROM_SCRATCH]
    for remark in remarks:
        tqdm.write(f"note: {remark}", sys.stderr)


def run_trainer(
    module: StudentModule,
    training: TrainingView,
    validation: ValidationView | None,
    arithmetic: Arithmetic,
    callbacks: Sequence[Callback],
    state: Path | None = None,
    timekeeper: Timekeeper | None = None,
) -> None:
    """Run Lightning's loop to its end.

    Args:
        module: The network and its recipe.
        training: Training pairs.
        validation: Validation pairs; None: no validation, and only a callback stops the training early.
        arithmetic: Number format, memory order and the rest of it.
        callbacks: Of Lightning, in addition to the progress bar.
        state: File of an interrupted training, which is continued if it exists.
        timekeeper: Foresees how long it takes; needed for a recipe with `minutes`.
    """
    recipe = module.recipe
    keep_freed_memory()
    together = processes(recipe, os.environ)
    prepare_for_training(module, arithmetic, together.accelerator)
    module.memory_order = WAYS[arithmetic].order
    if together.count > 1:
        synchronise_batchnorm(module.network, together.accelerator)
    batches = training_batches(training, recipe, together, module.scale)
    with quiet_lightning(), raise_keyboard_interrupt(), explain_out_of_memory(module.network, recipe, arithmetic):
        trainer = L.Trainer(
            max_epochs=recipe.epochs,
            precision=PRECISIONS[WAYS[arithmetic].format],
            callbacks=[
                ResumeOrder(batches),
                *([timekeeper] if timekeeper else []),
                *([ProgressBar(timekeeper)] if together.is_first else []),
                *(
                    [EarlyStopping("iou", mode="max", patience=recipe.patience, check_finite=False)]
                    if validation
                    else []
                ),
                *callbacks,
            ],
            gradient_clip_val=recipe.gradient_clip or None,
            plugins=[SafetensorsIO()],
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
            num_sanity_val_steps=0,
            **together.settings(),
        )
        trainer.fit(
            module,
            batches,
            validation_batches(validation, recipe, together) if validation else None,
            ckpt_path=state if state and state.exists() else None,
        )
