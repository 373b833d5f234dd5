"""How many photos a second this loop learns from, beside the plain loop of the usual tutorial."""

import copy
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from training.arithmetic import Format, choose, prepared
from training.data.pairs import Pair, Pairs
from training.data.views import TrainingView, training_batches
from training.loss import border_bce_dice
from training.recipe import Recipe
from training.student.network import Student
from training.weights import normalisation

_PLAIN_BATCH = 8


@dataclass(frozen=True, slots=True)
class Speeds:
    """Photos a second, of the same student on the same pairs."""

    plain: float
    """float32, batches of 8, every photo decoded from disk every time, no augmentation."""
    ours: float
    """The loop of `fit`, augmentation included."""

    def __str__(self) -> str:
        """Three lines."""
        return (
            f"{self.plain:6.1f} photos/s  plain loop\n{self.ours:6.1f} photos/s  this loop\n"
            f"{self.ours / self.plain:6.2f} times as many"
        )


def bench(recipe: Recipe, data: Pairs, steps: int) -> Speeds:
    """Time `steps` batches of each loop, in turns, after one to warm up."""
    usual = Student(recipe.contract(data.classes), recipe.architecture(*normalisation(recipe)))
    network = copy.deepcopy(usual)
    arithmetic = choose(network, recipe).format
    view = TrainingView(data.pairs, len(data.classes), recipe)
    loader = training_batches(view, recipe)
    ours = _Loop(
        prepared(network, arithmetic), recipe, arithmetic, itertools.chain.from_iterable(itertools.repeat(loader))
    )
    plain = _Loop(usual, recipe, "fp32", _decoded_each_time(data.pairs, recipe))
    for _ in tqdm(range(steps + 1), desc="time both loops", unit="step"):
        plain.step()
        ours.step()
    return Speeds(plain=plain.photos_per_second(), ours=ours.photos_per_second())


class _Loop:
    """One way of training, step by step."""

    def __init__(
        self, network: nn.Module, recipe: Recipe, arithmetic: Format, batches: Iterator[tuple[Tensor, Tensor]]
    ) -> None:
        self._network = network.train()
        self._recipe = recipe
        self._arithmetic = arithmetic
        self._batches = batches
        self._optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5)
        self._seconds: list[float] = []

    def step(self) -> None:
        """Fetch a batch and learn from it."""
        is_bf16 = self._arithmetic == "bf16"
        started = time.perf_counter()
        photos, teacher_masks = next(self._batches)
        order = torch.channels_last if is_bf16 else torch.contiguous_format
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_bf16):
            logits = self._network(photos.float().to(memory_format=order))
        loss = border_bce_dice(logits, teacher_masks, self._recipe)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._seconds.append((time.perf_counter() - started) / len(photos))

    def photos_per_second(self) -> float:
        """The median, without the first step."""
        return 1 / float(np.median(self._seconds[1:]))


def _decoded_each_time(pairs: Sequence[Pair], recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    size = (recipe.width, recipe.height)
    endless = itertools.cycle(pairs)
    while True:
        chosen = [next(endless) for _ in range(_PLAIN_BATCH)]
        photos = [np.asarray(Image.open(pair.photo).convert("RGB").resize(size)) for pair in chosen]
        masks = [
            np.asarray(Image.open(pair.mask).convert("L").resize(size, Image.Resampling.NEAREST)) for pair in chosen
        ]
        yield (
            torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2).contiguous(),
            torch.from_numpy((np.stack(masks) > 0).astype(np.uint8)),
        )
