"""The number format that trains fastest on this machine: measured, not guessed."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from torch import nn

from training.device import NAMES, Accelerator, Format, formats, synchronise, this_machine
from training.loop.fast_depthwise import replace_strided_depthwise
from training.loop.processes import ALONE, Processes
from training.loss import border_bce_dice
from training.recipe import Recipe
from training.student.errors import BadInput

PRECISIONS: Mapping[Format, Literal["32-true", "bf16-mixed", "16-mixed"]] = MappingProxyType(
    {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}
)
"""As Lightning calls them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A number format, and why."""

    format: Format
    reason: str


def choose_arithmetic(
    network: nn.Module, recipe: Recipe, processes: Processes = ALONE, earlier: str | None = None
) -> Choice:
    """The format that the recipe names; for `auto`, the one in which a training step is faster.

    bfloat16 with channels-last memory is 2.5 times faster where the processor has it, and half as fast where not.

    Args:
        network: To be trained, on the processor; it is not changed.
        recipe: Says the size of a batch.
        processes: What trains, and on what; of several processes, each could measure otherwise.
        earlier: The format that an interrupted training began with, which holds under `auto`.

    Raises:
        BadInput: fp16 is asked for without a CUDA GPU.
    """
    if recipe.arithmetic == "fp16" and processes.accelerator != "cuda":
        raise BadInput("arithmetic=fp16 needs a CUDA GPU, and this does not train on one; use bf16, or auto")
    if recipe.arithmetic != "auto":
        return Choice(recipe.arithmetic, "the recipe says so")
    if earlier is not None:
        return Choice(next((kind for kind in PRECISIONS if kind == earlier), "fp32"), "as this run began")
    kinds = formats(processes.accelerator, this_machine())
    if len(kinds) == 1:
        return Choice(kinds[0], f"the fastest that {NAMES[processes.accelerator]} has")
    if processes.count > 1:
        return Choice("fp32", "several processes on one processor cannot measure which is faster")
    seconds = {kind: _step_seconds(network, recipe, kind, processes.accelerator) for kind in kinds}
    best, other = sorted(kinds, key=seconds.__getitem__)
    return Choice(best, f"{seconds[other] / seconds[best]:.1f} times as fast as {other} here")


def _step_seconds(network: nn.Module, recipe: Recipe, kind: Format, accelerator: Accelerator) -> float:
    """Seconds of one training step after one to warm up. Weights are not changed, statistics are restored."""
    network = prepare_for_training(network, kind, accelerator).to(accelerator)
    before = {name: value.clone() for name, value in network.named_buffers()}
    trial_step(network, recipe, kind, recipe.batch)
    synchronise(torch.device(accelerator))
    started = time.perf_counter()
    trial_step(network, recipe, kind, recipe.batch)
    synchronise(torch.device(accelerator))
    seconds = time.perf_counter() - started
    network.zero_grad(set_to_none=True)
    for name, value in network.named_buffers():
        value.copy_(before[name])
    network.to("cpu")
    return seconds


def trial_step(network: nn.Module, recipe: Recipe, kind: Format, batch: int) -> None:
    """One forward and backward pass of `batch` photos of noise, on the network's device."""
    place = next(network.parameters()).device
    order = torch.contiguous_format if kind == "fp32" else torch.channels_last
    photos = (torch.rand(batch, 3, recipe.height, recipe.width, device=place) * 255).to(memory_format=order)
    with autocast(network, kind):
        logits = network(photos)
    masks = torch.zeros(batch, recipe.height, recipe.width, dtype=torch.uint8, device=place)
    border_bce_dice(logits, masks, recipe).backward()  # type: ignore[no-untyped-call]


def autocast(network: nn.Module, kind: Format) -> torch.autocast:
    """The context of a forward pass in that format, on the network's device."""
    place = next(network.parameters()).device
    dtype = torch.float16 if kind == "fp16" else torch.bfloat16
    return torch.autocast(place.type, dtype=dtype, enabled=kind != "fp32")


def prepare_for_training(network: nn.Module, kind: Format, accelerator: Accelerator) -> nn.Module:
    """The network in the memory order of that format, its strided depthwise convolutions made fast on a CPU."""
    if accelerator == "cpu":
        replace_strided_depthwise(network)
    order = torch.channels_last if kind != "fp32" else torch.contiguous_format
    return network.to(memory_format=order)
