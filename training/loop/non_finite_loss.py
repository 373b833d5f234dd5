"""Why a loss became NaN or infinite."""

import torch
from torch import Tensor, nn

from training.recipe import Recipe
from training.student.errors import BadInput


class NonFiniteLoss(BadInput):
    """The loss is NaN or infinite; training cannot go on."""


def explain_loss(
    loss: Tensor, logits: Tensor, network: nn.Module, recipe: Recipe, *, when: str, rate: float
) -> NonFiniteLoss:
    """The error to raise: it names the first weights that are not finite, and what to change.

    Args:
        loss: A scalar that is not finite.
        logits: The loss was computed from these.
        network: Its weights are examined.
        recipe: Its options are named in the message.
        when: The epoch and step.
        rate: The learning rate of that step.
    """
    named = (*network.named_parameters(), *network.named_buffers())
    broken = [name for name, value in named if not torch.isfinite(value).all()]
    if broken:
        where = f"{len(broken)} of {len(named)} weights are no longer finite, {broken[0]} first: steps were too large"
    elif not torch.isfinite(logits).all():
        where = "weights are finite and logits are not: they left the range of the number format"
    else:
        where = f"weights and logits are finite, up to {float(logits.abs().max()):.3g}"
    return NonFiniteLoss(
        f"the loss became {loss.item()} in {when}, at a learning rate of {rate:.3g}; {where}; "
        f"lower learning_rate (now {recipe.learning_rate}), set gradient_clip=1 (now {recipe.gradient_clip}), "
        f"or set arithmetic=fp32 (now {recipe.arithmetic})"
    )
