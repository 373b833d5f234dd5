"""Data loaders: the order of the pairs in an epoch, batches of them, and workers."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import lightning as L
import numpy as np
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from training.data.views import TrainingView, ValidationView
from training.loop.processes import ALONE, Processes
from training.recipe import Recipe
from training.student.errors import BadInput


class EpochSampler(Sampler[tuple[int, float]]):
    """The order of the photos in each epoch, by seed and epoch alone; of several processes, this one's share."""

    def __init__(
        self,
        photos: int,
        seed: int,
        batch: int = 1,
        processes: Processes = ALONE,
        scale: Callable[[int], float] = lambda epoch: 1.0,
    ) -> None:
        """`photos` samples per epoch, of which all processes together take `batch` per step, at the epoch's scale."""
        self._photos = photos
        self._seed = seed
        self._scale = scale
        self._batch = batch
        self._processes = processes
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Photos of this process in an epoch."""
        return len(self._processes.share(list(range(self._photos)), self._batch))

    def __iter__(self) -> Iterator[tuple[int, float]]:
        """`epoch · photos + index` in random order, each with the share of the input's sides to be learnt at."""
        order = np.random.default_rng((self._seed, self._epoch)).permutation(self._photos)
        scale = self._scale(self._epoch)
        tickets = self._processes.share((self._epoch * self._photos + order).tolist(), self._batch)
        return ((ticket, scale) for ticket in tickets)


class ResumeOrder(Callback):
    """Tells the sampler with which epoch a training goes on, before workers ask for its first batches.

    Lightning tells it after they have asked: a resumed training would begin with the order of its very first epoch.
    """

    def __init__(self, batches: DataLoader[Any]) -> None:
        """Of these batches."""
        self._sampler = batches.sampler

    def on_load_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Called where there is a state to go on from, which is that of a whole epoch."""
        assert isinstance(self._sampler, EpochSampler)
        self._sampler.set_epoch(checkpoint["epoch"] + 1)


def training_batches(
    view: TrainingView, recipe: Recipe, processes: Processes = ALONE, scale: Callable[[int], float] | None = None
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Shuffled batches of one size, (N, 3, H, W) and (N, H, W); an incomplete last batch is dropped.

    Args:
        view: The pairs.
        recipe: Says how many a batch holds.
        processes: Which of several this is.
        scale: Of an epoch, asked when it begins; by default as the recipe says.

    Raises:
        BadInput: Fewer photos than processes.
    """
    workers = _spare_cores() // processes.devices if recipe.workers == "auto" else recipe.workers
    each = min(recipe.batch, len(view)) // processes.count
    if not each:
        raise BadInput(f"{len(view)} photos an epoch are too few for {processes.count} processes; start fewer")
    return DataLoader(
        view,
        batch_size=each,
        sampler=EpochSampler(len(view), recipe.seed, each * processes.count, processes, scale or recipe.scale),
        num_workers=workers,
        drop_last=True,
        # Page-locked, so that copying to a GPU goes on beside its work.
        pin_memory=processes.accelerator == "cuda",
        persistent_workers=workers > 0,
        # Forked workers share the decoded photos. Elsewhere forking is unsafe or unknown, and each gets a copy.
        multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
    )


def _spare_cores() -> int:
    """Workers for `auto`: on two cores none, where a worker interrupts the training threads (49 ms a photo, not 45)."""
    return max(0, min(8, (os.cpu_count() or 1) - 2))


def validation_batches(
    view: ValidationView, recipe: Recipe, processes: Processes = ALONE
) -> DataLoader[tuple[Tensor, int]]:
    """This process's share of the pairs; no two processes validate the same pair.

    Raises:
        BadInput: Fewer pairs than processes.
    """
    if len(view) < processes.count:
        raise BadInput(f"{len(view)} pairs to validate with are too few for {processes.count} processes; start fewer")
    return DataLoader(
        view,
        batch_size=recipe.batch // processes.count,
        sampler=range(processes.rank, len(view), processes.count),
        pin_memory=processes.accelerator == "cuda",
    )
