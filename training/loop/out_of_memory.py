"""When a training does not fit into memory: find the batch that does."""

import gc
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from training.loop.arithmetic import trial_step
from training.recipe import Arithmetic, Recipe
from training.student.errors import BadInput
from training.student.exhaustion import is_out_of_memory


@contextmanager
def explain_out_of_memory(network: nn.Module, recipe: Recipe, kind: Arithmetic) -> Iterator[None]:
    """Run the block; if memory runs out, find by trial a batch that fits, for the error's message.

    Args:
        network: The block trains it. Do not train it after an error: its gradients are deleted.
        recipe: Says the batch.
        kind: The arithmetic.

    Raises:
        BadInput: Memory ran out.
    """
    try:
        yield
        return
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        # Its frames hold the batch and all tensors computed from it.
        traceback.clear_frames(error.__traceback__)
    fitting = _largest_batch(network, recipe, kind)
    place = "memory" if next(network.parameters()).device.type == "cpu" else "the GPU's memory"
    smaller = f"a smaller height and width (now {recipe.height} and {recipe.width}), or a smaller encoder"
    if fitting:
        raise BadInput(f"batch={recipe.batch} does not fit into {place}; batch={fitting} does, or take {smaller}")
    raise BadInput(f"not even 2 photos at once fit into {place}; take {smaller}")


def _largest_batch(network: nn.Module, recipe: Recipe, kind: Arithmetic) -> int:
    """The recipe's batch, halved until one training step succeeds; 0 if a batch of 2 fails."""
    batch = recipe.batch // 2
    while batch >= 2:
        network.zero_grad(set_to_none=True)
        gc.collect()
        if torch.accelerator.is_available():
            torch.accelerator.empty_cache()
        try:
            trial_step(network, recipe, kind, batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            traceback.clear_frames(error.__traceback__)
        else:
            return batch
        batch //= 2
    return 0
