"""How long a step and a validation of a training take here, measured before the first step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from training.data.augment import input_size
from training.data.views import TrainingView, ValidationView
from training.device import synchronise
from training.evaluation.mean_iou import MeanIoU
from training.loop.arithmetic import WAYS, autocast, trial_step
from training.loop.batches import training_batches, validation_batches
from training.loop.module import StudentModule
from training.loop.plan import SCALES, Pace
from training.loop.processes import Processes
from training.recipe import Arithmetic

_STEPS = 2
"""As many are timed, after one to warm up."""

_WRITING = 0.5
"""Seconds to write the checkpoints, figures and curves of an epoch."""


def measure_pace(
    module: StudentModule, training: TrainingView, validation: ValidationView, kind: Arithmetic, processes: Processes
) -> Pace:
    """The pace of a training, without a change to its network or to the random numbers to come.

    Args:
        module: To be trained, prepared, on its device.
        training: Of an epoch.
        validation: Of an epoch.
        kind: The arithmetic.
        processes: Which of several this is; all measure at once, as they will train.
    """
    place = next(module.network.parameters()).device
    with _unchanged(module.network, place):
        least, most = (_photo_seconds(module, training, kind, processes, scale) for scale in (SCALES[0], 1.0))
        validating = _validation_seconds(module, validation, kind, processes)
    few, many = (rows * columns for rows, columns in (input_size(module.recipe, scale) for scale in (SCALES[0], 1.0)))
    # A size that halves no further, or noise, may leave no slope.
    pixel = max(0.0, (most - least) / (many - few)) if many > few else 0.0
    return Pace(max(0.0, most - pixel * many), pixel, validating + _WRITING)


@contextmanager
def _unchanged(network: nn.Module, place: torch.device) -> Iterator[None]:
    """Restores statistics and random numbers, and leaves no gradients."""
    before = {name: value.clone() for name, value in network.named_buffers()}
    was_training = network.training
    with torch.random.fork_rng([place] if place.type == "cuda" else []):
        yield
    network.zero_grad(set_to_none=True)
    network.train(was_training)
    for name, value in network.named_buffers():
        value.copy_(before[name])


def _photo_seconds(
    module: StudentModule, training: TrainingView, kind: Arithmetic, processes: Processes, scale: float
) -> float:
    """Seconds a photo of a training step, and of its augmentation where no worker does that meanwhile."""
    rows, columns = input_size(module.recipe, scale)
    recipe = module.recipe.model_copy(update={"height": rows, "width": columns})
    loader = training_batches(training, module.recipe, processes)
    each = loader.batch_size
    assert each
    place = next(module.network.parameters()).device
    network = module.network.train()
    trial_step(network, recipe, kind, each)
    synchronise(place)
    started = time.perf_counter()
    for _ in range(_STEPS):
        trial_step(network, recipe, kind, each)
    synchronise(place)
    learning = (time.perf_counter() - started) / _STEPS / each
    started = time.perf_counter()
    for ticket in range(each):
        training[ticket, scale]
    augmenting = (time.perf_counter() - started) / each
    workers = loader.num_workers
    return (max(learning, augmenting / workers) if workers else learning + augmenting) / processes.count


def _validation_seconds(
    module: StudentModule, validation: ValidationView, kind: Arithmetic, processes: Processes
) -> float:
    """Seconds to validate, by its first batch."""
    place, network = next(module.network.parameters()).device, module.network.eval()
    mean_iou = MeanIoU(module.contract)
    started = time.perf_counter()
    photos, indices = next(iter(validation_batches(validation, module.recipe, processes)))
    way = WAYS[kind]
    with torch.inference_mode(), autocast(network, way.format):
        logits = network(photos.to(place).float().to(memory_format=way.order)).float().cpu().numpy()
    for one, index in zip(logits, indices.tolist(), strict=True):
        mean_iou.add(str(index), one, validation.teacher_masks[index])
    return (time.perf_counter() - started) / len(photos) * len(validation) / processes.count
