"""Pairs as a network takes them: decoded once, kept in memory, augmented for training, exact for validation."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from tqdm import tqdm

from training.data.augment import Augmentation, stored_size
from training.data.pairs import Pair
from training.data.photos import read_photo
from training.data.union import epoch
from training.recipe import Recipe
from training.student.contract import Contract
from training.student.preprocess import preprocess


@dataclass(frozen=True, slots=True)
class Decoded:
    """A photo and its teacher mask in memory."""

    photo: NDArray[np.uint8]
    """(H, W, 3) RGB."""
    teacher_mask: NDArray[np.uint8]
    """(H', W') class indices, not necessarily of the photo's size."""


def decode_pair(pair: Pair, classes: int) -> Decoded:
    """Both files at their own size."""
    photo = read_photo(pair.photo)
    return Decoded(photo, pair.read_mask(photo.shape, classes))


class TrainingView(Dataset[tuple[Tensor, Tensor]]):
    """Augmented pairs: (3, H, W) uint8 input and (H, W) uint8 teacher mask.

    An item is asked for by `epoch · len + index`: its augmentation depends on nothing else, so a run that was
    interrupted goes on with the very pictures that it would have seen.
    """

    def __init__(self, pairs: Sequence[Pair], classes: int, recipe: Recipe) -> None:
        """Decode all pairs once, with a progress bar."""
        rows, columns = stored_size(recipe)
        self._augmentation = Augmentation(recipe)
        self._seed = recipe.seed
        self._epoch = epoch([pair.folder for pair in pairs], recipe.photos_per_epoch)
        self._decoded = []
        for pair in tqdm(pairs, desc="decode for training", unit="pair", leave=False):
            whole = decode_pair(pair, classes)
            photo = cv2.resize(whole.photo, (columns, rows), interpolation=cv2.INTER_AREA)
            mask = cv2.resize(whole.teacher_mask, (columns, rows), interpolation=cv2.INTER_NEAREST_EXACT)
            self._decoded.append(Decoded(photo.astype(np.uint8, copy=False), mask.astype(np.uint8, copy=False)))

    def __len__(self) -> int:
        """Photos in an epoch: every pair once, or several times where there are few, in all or in its folder."""
        return len(self._epoch)

    def __getitem__(self, ticket: int) -> tuple[Tensor, Tensor]:
        """The pair of that ticket, as augmented for it alone."""
        pair = self._decoded[self._epoch[ticket % len(self._epoch)]]
        photo, teacher_mask = self._augmentation(
            pair.photo, pair.teacher_mask, seed=int(np.random.SeedSequence((self._seed, ticket)).generate_state(1)[0])
        )
        return torch.from_numpy(photo.transpose(2, 0, 1).copy()), torch.from_numpy(teacher_mask.copy())


class Tickets(Sampler[int]):
    """The order of the photos in each epoch, from the seed and the epoch alone."""

    def __init__(self, photos: int, seed: int) -> None:
        """`photos` tickets an epoch."""
        self._photos = photos
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Photos in an epoch."""
        return self._photos

    def __iter__(self) -> Iterator[int]:
        """`epoch · photos + index` in random order."""
        order = np.random.default_rng((self._seed, self._epoch)).permutation(self._photos)
        return iter((self._epoch * self._photos + order).tolist())


def training_batches(view: TrainingView, recipe: Recipe) -> DataLoader[tuple[Tensor, Tensor]]:
    """Shuffled batches of one size, (N, 3, H, W) and (N, H, W); pairs that are left over wait for another epoch."""
    workers = _spare_cores() if recipe.workers == "auto" else recipe.workers
    return DataLoader(
        view,
        batch_size=min(recipe.batch, len(view)),
        sampler=Tickets(len(view), recipe.seed),
        num_workers=workers,
        drop_last=True,
        persistent_workers=workers > 0,
        # Forked workers share the decoded photos. Elsewhere forking is unsafe or unknown, and each gets a copy.
        multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
    )


def _spare_cores() -> int:
    """Cores that a training does well without: on two, a worker stops all threads that train (45 to 49 ms a photo)."""
    return max(0, min(8, (os.cpu_count() or 1) - 2))


class ValidationView(Dataset[tuple[Tensor, int]]):
    """Pairs as a phone will see them: preprocessed by the contract; teacher masks stay at the photo's size."""

    def __init__(self, pairs: Sequence[Pair], contract: Contract) -> None:
        """Decode and preprocess all pairs once, with a progress bar."""
        self.names = [pair.name for pair in pairs]
        self._inputs = []
        self.teacher_masks: list[NDArray[np.uint8]] = []
        for pair in tqdm(pairs, desc="decode for validation", unit="pair", leave=False):
            whole = decode_pair(pair, len(contract.classes))
            self._inputs.append(preprocess(whole.photo, contract))
            self.teacher_masks.append(whole.teacher_mask)

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self._inputs)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """(3, H, W) uint8 input, and the index of its teacher mask."""
        return torch.from_numpy(self._inputs[index].transpose(2, 0, 1).copy()), index
