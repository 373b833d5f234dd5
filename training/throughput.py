"""Training throughput in photos per second: this loop, and the plain loop of a tutorial."""

import itertools
import multiprocessing
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from training.data.pairs import Pair, Pairs
from training.data.views import TrainingView, ValidationView
from training.encoder_weights import normalisation
from training.evaluation.mean_iou import MeanIoU
from training.loop.arithmetic import WAYS, Way, autocast, choose_arithmetic, prepare_for_training
from training.loop.batches import EpochSampler, training_batches, validation_batches
from training.loop.malloc import keep_freed_memory
from training.loss import border_bce_dice
from training.recipe import Arithmetic, Recipe
from training.student.network import Student
from training.student.orphans import end_with_parent

_PLAIN_BATCH = 8
_FP32: Arithmetic = "fp32"


@dataclass(frozen=True, slots=True)
class Throughput:
    """Photos a second, of the same student on the same pairs."""

    plain: float
    """float32, batches of 8, every photo decoded from disk every time, no augmentation."""
    ours: float
    """The loop of `fit`, augmentation included."""
    arithmetic: str = "fp32"
    """Of the loop of `fit`."""
    fp32: float | None = None
    """The loop of `fit` in the arithmetic `fp32`, which every machine has; None where that is its own."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Shares of its time by activity; validation is included, relative to an epoch's steps."""
    machine: str = ""

    def __str__(self) -> str:
        """A line each."""
        compared = f"{self.ours / self.plain:6.2f} times as many as the plain loop"
        if self.fp32 is not None:
            compared += f", {self.ours / self.fp32:.2f} times as many as in fp32"
        return "\n".join(
            [
                *([self.machine] if self.machine else []),
                f"{self.plain:6.1f} photos/s  plain loop",
                *([] if self.fp32 is None else [f"{self.fp32:6.1f} photos/s  this loop in fp32"]),
                f"{self.ours:6.1f} photos/s  this loop in {self.arithmetic}",
                compared,
                *(f"{share:6.1%}  {name}" for name, share in self.shares.items()),
            ]
        )


def measure_throughput(recipe: Recipe, data: Pairs, steps: int) -> Throughput:
    """Time `steps` batches of each loop, in turns, after one to warm up; this loop at each of the recipe's scales.

    The plain loop runs in a process of its own, since settings of malloc are one of the differences. This loop runs in
    the recipe's arithmetic, or in what `auto` chooses; and where that is another one, in `fp32` too.
    """
    context = multiprocessing.get_context("spawn")
    ours_end, plain_end = context.Pipe()
    process = context.Process(target=_serve_plain_loop, args=(plain_end, recipe, data), daemon=True)
    process.start()
    plain_end.close()
    keep_freed_memory()
    chosen = choose_arithmetic(_student(recipe, data), recipe).arithmetic
    view = TrainingView(data.pairs, len(data.classes), recipe)
    epochs = [recipe.scale(epoch) for epoch in range(recipe.epochs)]
    # A dict, since the two may be one.
    ours: dict[Arithmetic, dict[float, _Loop]] = {
        arithmetic: {
            scale: _Loop(network, recipe, WAYS[arithmetic], _batches(view, recipe, epochs.index(scale)), is_ours=True)
            for scale in sorted(set(epochs))
        }
        for arithmetic, network in (
            (each, prepare_for_training(_student(recipe, data), each, "cpu")) for each in dict.fromkeys((chosen, _FP32))
        )
    }
    seconds: list[float] = []
    for _ in tqdm(range(steps + 1), desc="time the loops", unit="step"):
        ours_end.send(True)
        seconds.append(ours_end.recv())
        for loops in ours.values():
            for loop in loops.values():
                loop.step()
    # Closing the pipe would not do: the loader's forked workers hold it too.
    ours_end.send(False)
    process.join()
    # Every epoch shows as many photos, at its own scale.
    rates = {
        arithmetic: 1 / float(np.mean([_median(loops[scale].seconds) for scale in epochs]))
        for arithmetic, loops in ours.items()
    }
    loops = ours[chosen]
    parts = {
        name: float(np.mean([_median(loops[scale].parts[name]) for scale in epochs])) for name in loops[epochs[0]].parts
    }
    parts["validation"] = _validation(loops[epochs[0]].network, recipe, data, WAYS[chosen])
    shares = {name: spent / sum(parts.values()) for name, spent in parts.items()}
    fp32 = None if chosen == _FP32 else rates[_FP32]
    return Throughput(1 / _median(seconds), rates[chosen], chosen, fp32, shares, machine())


def machine() -> str:
    """The processor, what it can compute with as far as training uses it, and the threads."""
    found = torch.cpu.get_capabilities()
    bfloat16 = "with" if found.get("avx512_bf16") or found.get("amx_bf16") or found.get("bf16") else "without"
    told = [
        str(found.get("cpu_name") or found["architecture"]),
        f"{torch.backends.cpu.get_cpu_capability()} {bfloat16} bfloat16",
        f"{torch.get_num_threads()} threads",
    ]
    if limit := os.environ.get("ONEDNN_MAX_CPU_ISA"):
        told.append(f"oneDNN held to {limit}")
    return ", ".join(told)


def _batches(view: TrainingView, recipe: Recipe, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of one epoch, repeated without end."""
    loader = training_batches(view, recipe)
    assert isinstance(loader.sampler, EpochSampler)
    loader.sampler.set_epoch(epoch)
    return itertools.chain.from_iterable(itertools.repeat(loader))


def _validation(network: nn.Module, recipe: Recipe, data: Pairs, way: Way) -> float:
    """Seconds of validation for each training photo; measured on one batch."""
    contract = recipe.contract(data.classes)
    view = ValidationView(data.pairs[: recipe.batch], contract)
    mean_iou = MeanIoU(contract)
    started = time.perf_counter()
    with torch.inference_mode():
        network.eval()
        for photos, indices in validation_batches(view, recipe):
            with autocast(network, way.format):
                logits = network(_input(photos, way)).float().numpy()
            for one, index in zip(logits, indices.tolist(), strict=True):
                mean_iou.add(str(index), one, view.teacher_masks[index])
    seconds = (time.perf_counter() - started) / len(view)
    learnt = max(recipe.photos_per_epoch, (1 - recipe.validation) * len(data.pairs))
    return seconds * recipe.validation * len(data.pairs) / learnt


def _input(photos: Tensor, way: Way) -> Tensor:
    return photos.float().to(memory_format=way.order)


def _serve_plain_loop(end: Connection, recipe: Recipe, data: Pairs) -> None:
    """Take a step for each request, and answer with its seconds per photo."""
    end_with_parent()
    loop = _Loop(_student(recipe, data), recipe, WAYS[_FP32], _decoded_each_time(data.pairs, recipe), is_ours=False)
    while end.recv():
        loop.step()
        end.send(loop.seconds[-1])


def _student(recipe: Recipe, data: Pairs) -> Student:
    torch.manual_seed(recipe.seed)
    return Student(recipe.contract(data.classes), recipe.architecture(*normalisation(recipe)))


def _median(seconds: Sequence[float]) -> float:
    """Median, without the first step."""
    return float(np.median(seconds[1:]))


class _Loop:
    """One way of training, step by step."""

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        way: Way,
        batches: Iterator[tuple[Tensor, Tensor]],
        *,
        is_ours: bool,
    ) -> None:
        self.network = network.train()
        self._recipe = recipe
        self._way = way
        self._batches = batches
        # `fit` takes its steps fused, the tutorial as torch has them by default.
        self._optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5, fused=is_ours or None)
        self.parts: dict[str, list[float]] = {}
        """Seconds per photo of each step, by activity."""

    @property
    def seconds(self) -> list[float]:
        """Seconds per photo of each step."""
        return [sum(parts) for parts in zip(*self.parts.values(), strict=True)]

    def step(self) -> None:
        """Fetch a batch and learn from it."""
        marks = {"begin": time.perf_counter()}
        photos, teacher_masks = next(self._batches)
        marks["augment"] = time.perf_counter()
        inputs = _input(photos, self._way)
        marks["copy"] = time.perf_counter()
        with autocast(self.network, self._way.format):
            logits = self.network(inputs)
        loss = border_bce_dice(logits, teacher_masks, self._recipe)
        marks["forward and loss"] = time.perf_counter()
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        marks["backward"] = time.perf_counter()
        self._optimizer.step()
        marks["optimiser"] = time.perf_counter()
        for (_, begun), (name, ended) in itertools.pairwise(marks.items()):
            self.parts.setdefault(name, []).append((ended - begun) / len(photos))


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
