"""The arithmetic that trains fastest on this machine: measured, not guessed."""

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from torch import nn

from training.device import NAMES, Accelerator, Format, formats, synchronise, this_machine
from training.loop.fast_depthwise import has_strided_depthwise, replace_strided_depthwise
from training.loop.processes import ALONE, Processes
from training.loss import border_bce_dice
from training.recipe import Arithmetic, Recipe
from training.student.errors import BadInput

PRECISIONS: Mapping[Format, Literal["32-true", "bf16-mixed", "16-mixed"]] = MappingProxyType(
    {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}
)
"""As Lightning calls them."""


@dataclass(frozen=True, slots=True)
class Way:
    """What an arithmetic stands for. All ways of one number format give the same numbers, within rounding."""

    format: Format
    order: torch.memory_format
    """Of photos, weights and activations in memory."""
    subsamples: bool
    """On a CPU: whether strided depthwise convolutions are computed at stride 1, see `fast_depthwise`."""


# In the order of preference: of ways that are about equally fast, the first is taken, so that two runs agree.
WAYS: Mapping[Arithmetic, Way] = MappingProxyType(
    {
        "bf16": Way("bf16", torch.channels_last, True),
        "bf16-strided": Way("bf16", torch.channels_last, False),
        "fp32-channels-last-strided": Way("fp32", torch.channels_last, False),
        "fp32-channels-last": Way("fp32", torch.channels_last, True),
        "fp32-strided": Way("fp32", torch.contiguous_format, False),
        "fp32": Way("fp32", torch.contiguous_format, True),
        "fp16": Way("fp16", torch.channels_last, True),
    }
)

_ROUNDS = 4
"""Of measuring; the first warms up."""

_HOPELESS = (3.0, 1.2)
"""What is so many times slower than the fastest is not timed again, after the warm-up and after any other round."""

_EQUAL = 1.03
"""Within this ratio, two ways are equally fast."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An arithmetic, and why."""

    arithmetic: Arithmetic
    reason: str

    @property
    def format(self) -> Format:
        """Its number format."""
        return WAYS[self.arithmetic].format


def choose_arithmetic(
    network: nn.Module, recipe: Recipe, processes: Processes = ALONE, earlier: str | None = None
) -> Choice:
    """The arithmetic that the recipe names; for `auto`, the one in which a training step is fastest.

    Which one that is depends on the processor. bfloat16 is 2.5 times as fast where the processor has it, and half as
    fast where not; in float32, channels-last memory is 1.2 to 1.6 times as fast where vectors are those of AVX2.

    Args:
        network: To be trained, on the processor; it is not changed.
        recipe: Says the size of a batch.
        processes: What trains, and on what; of several processes, each could measure otherwise.
        earlier: The arithmetic that an interrupted training began with, which holds under `auto`.

    Raises:
        BadInput: fp16 is asked for without a CUDA GPU.
    """
    if recipe.arithmetic == "fp16" and processes.accelerator != "cuda":
        raise BadInput("arithmetic=fp16 needs a CUDA GPU, and this does not train on one; use bf16, or auto")
    if recipe.arithmetic != "auto":
        return Choice(recipe.arithmetic, "the recipe says so")
    if earlier is not None:
        return Choice(next((way for way in WAYS if way == earlier), "fp32"), "as this run began")
    kinds: Sequence[Arithmetic] = formats(processes.accelerator, this_machine())
    if len(kinds) == 1:
        return Choice(kinds[0], f"the fastest that {NAMES[processes.accelerator]} has")
    if processes.count > 1:
        return Choice("fp32-channels-last-strided", "several processes on one processor cannot measure what is fastest")
    if processes.accelerator == "cpu":
        is_choice = has_strided_depthwise(network)
        kinds = [name for name, way in WAYS.items() if way.format in kinds and (is_choice or way.subsamples)]
    seconds = _step_seconds(network, recipe, kinds, processes.accelerator)
    fastest = min(seconds.values())
    best = next(name for name in kinds if seconds[name] <= _EQUAL * fastest)
    others = [name for name in kinds if name in PRECISIONS and name != best]
    ratios = [f"{seconds[other] / seconds[best]:.1f} times as fast as {other}" for other in others]
    return Choice(best, f"{' and '.join(ratios)} here")


def _step_seconds(
    network: nn.Module, recipe: Recipe, kinds: Sequence[Arithmetic], accelerator: Accelerator
) -> dict[Arithmetic, float]:
    """Seconds of a training step of a quarter of a batch, each way; they take turns, until a way is hopeless."""
    batch = max(2, recipe.batch // 4) if accelerator == "cpu" else recipe.batch
    seconds: dict[Arithmetic, float] = {}
    racing = list(kinds)
    for turn in range(_ROUNDS):
        for kind in racing:
            # A copy, since the step leaves gradients and statistics behind.
            trial = prepare_for_training(copy.deepcopy(network), kind, accelerator).to(accelerator)
            synchronise(torch.device(accelerator))
            started = time.perf_counter()
            trial_step(trial, recipe, kind, batch)
            synchronise(torch.device(accelerator))
            spent = time.perf_counter() - started
            seconds[kind] = min(spent, seconds[kind]) if turn > 1 else spent
        limit = _HOPELESS[min(turn, 1)] * min(seconds[kind] for kind in racing)
        racing = [kind for kind in racing if seconds[kind] <= limit]
    return seconds


def trial_step(network: nn.Module, recipe: Recipe, kind: Arithmetic, batch: int) -> None:
    """One forward and backward pass of `batch` photos of noise, on the network's device."""
    place = next(network.parameters()).device
    order = WAYS[kind].order
    photos = (torch.rand(batch, 3, recipe.height, recipe.width, device=place) * 255).to(memory_format=order)
    with autocast(network, WAYS[kind].format):
        logits = network(photos)
    masks = torch.zeros(batch, recipe.height, recipe.width, dtype=torch.uint8, device=place)
    border_bce_dice(logits, masks, recipe).backward()  # type: ignore[no-untyped-call]


def autocast(network: nn.Module, kind: Format) -> torch.autocast:
    """The context of a forward pass in that format, on the network's device."""
    place = next(network.parameters()).device
    dtype = torch.float16 if kind == "fp16" else torch.bfloat16
    return torch.autocast(place.type, dtype=dtype, enabled=kind != "fp32")


def prepare_for_training(network: nn.Module, kind: Arithmetic, accelerator: Accelerator) -> nn.Module:
    """The network in that arithmetic's memory order, on a CPU with its way of strided depthwise convolutions."""
    if accelerator == "cpu" and WAYS[kind].subsamples:
        replace_strided_depthwise(network)
    return network.to(memory_format=WAYS[kind].order)
