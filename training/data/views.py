"""Pairs as a network takes them: decoded once where there is room, augmented for training, exact for validation."""

from collections.abc import Mapping, Sequence
from typing import overload

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from training.data.augment import Augmentation, stored_size
from training.data.merge import balanced_epoch
from training.data.pairs import Pair
from training.data.photos import read_photo
from training.data.store import Bound, Decoded, Store
from training.recipe import Recipe
from training.student.contract import Contract
from training.student.preprocess import preprocess


def decode_pair(pair: Pair, classes: int) -> Decoded:
    """Both files at their own size."""
    photo = read_photo(pair.photo)
    return Decoded(photo, pair.read_mask(photo.shape, classes))


def at_stored_size(whole: Decoded, recipe: Recipe) -> Decoded:
    """A pair at the size from which it is augmented."""
    rows, columns = stored_size(recipe)
    photo = cv2.resize(whole.photo, (columns, rows), interpolation=cv2.INTER_AREA)
    mask = cv2.resize(whole.teacher_mask, (columns, rows), interpolation=cv2.INTER_NEAREST_EXACT)
    return Decoded(photo.astype(np.uint8, copy=False), mask.astype(np.uint8, copy=False))


class TrainingView(Dataset[tuple[Tensor, Tensor]]):
    """Augmented pairs: (3, H, W) uint8 input and (H, W) uint8 teacher mask, of the size that is asked for.

    An item is asked for by `epoch · len + index` and the share of the input's sides: its augmentation depends on
    nothing else, so a run that was interrupted goes on with the very pictures that it would have seen.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        classes: int,
        recipe: Recipe,
        bound: Bound | None = None,
        decoded: Mapping[str, Decoded] | None = None,
    ) -> None:
        """Decode as many pairs as there is room for, with a progress bar.

        Args:
            pairs: To learn from.
            classes: As many as there are names.
            recipe: Says how pairs are augmented.
            bound: What decoded pairs may take; by default what the recipe says.
            decoded: By the pair's name, what `at_stored_size` made of some of them before.
        """
        self._pairs, self._classes = pairs, classes
        self._recipe = recipe
        self._decoded = decoded or {}
        self._augmentations: dict[float, Augmentation] = {}
        self._epoch = balanced_epoch([pair.folder for pair in pairs], recipe.photos_per_epoch)
        self._store = Store(self._decode, len(pairs), bound or Bound.of(recipe.cache), "decode for training")
        # The store holds them now, or they are to be read again.
        self._decoded = {}

    def __len__(self) -> int:
        """Photos in an epoch: every pair once, or several times where there are few, in all or in its folder."""
        return len(self._epoch)

    def __getitem__(self, asked: tuple[int, float]) -> tuple[Tensor, Tensor]:
        """The pair of that ticket at that scale, as augmented for it alone."""
        ticket, scale = asked
        pair = self._store[self._epoch[ticket % len(self._epoch)]]
        seed = int(np.random.SeedSequence((self._recipe.seed, ticket)).generate_state(1)[0])
        if scale not in self._augmentations:
            self._augmentations[scale] = Augmentation(self._recipe, scale)
        photo, teacher_mask = self._augmentations[scale](pair.photo, pair.teacher_mask, seed)
        return torch.from_numpy(photo.transpose(2, 0, 1).copy()), torch.from_numpy(teacher_mask.copy())

    def _decode(self, index: int) -> Decoded:
        pair = self._pairs[index]
        return self._decoded.get(pair.name) or at_stored_size(decode_pair(pair, self._classes), self._recipe)


class ValidationView(Dataset[tuple[Tensor, int]]):
    """Pairs as a phone will see them: preprocessed by the contract; teacher masks stay at the photo's size."""

    def __init__(self, pairs: Sequence[Pair], contract: Contract, bound: Bound | None = None) -> None:
        """Decode and preprocess as many pairs as `bound` has room for, with a progress bar."""
        self.names = [pair.name for pair in pairs]
        self._pairs, self._contract = pairs, contract
        self._store = Store(self._decode, len(pairs), bound or Bound.of("auto"), "decode for validation")
        self.teacher_masks: Sequence[NDArray[np.uint8]] = _TeacherMasks(self._store)

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self._store)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """(3, H, W) uint8 input, and the index of its teacher mask."""
        return torch.from_numpy(self._store[index].photo.transpose(2, 0, 1).copy()), index

    def _decode(self, index: int) -> Decoded:
        """The input, and the teacher mask at the photo's size."""
        whole = decode_pair(self._pairs[index], len(self._contract.classes))
        return Decoded(preprocess(whole.photo, self._contract), whole.teacher_mask)


class _TeacherMasks(Sequence[NDArray[np.uint8]]):
    """Those of a store, by the index of their pair."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __len__(self) -> int:
        return len(self._store)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.uint8]: ...
    @overload
    def __getitem__(self, index: slice) -> list[NDArray[np.uint8]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.uint8] | list[NDArray[np.uint8]]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        return self._store[index].teacher_mask
