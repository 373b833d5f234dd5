"""The running average of the weights over the steps of a training, steadier than where its last step ended."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

_Tensors = list[Tensor] | tuple[Tensor, ...]


def exponential_moving_average(network: nn.Module, decay: float) -> AveragedModel:
    """A copy of `network` that follows it, a step with each `update_parameters(network)`; it needs no gradients.

    What it keeps of itself rises with the steps n to `decay`, as min(decay, (1 + n) / (10 + n)), so that the untrained
    beginning is forgotten in a short training too (as TensorFlow's ExponentialMovingAverage with `num_updates`). The
    statistics of normalisation are averaged alike, since those of the network belong to its own weights.
    """

    @torch.no_grad()
    def update(average: _Tensors, current: _Tensors, steps: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(steps)) / (10 + int(steps)))
        if average[0].is_floating_point():
            torch._foreach_lerp_(average, current, share)
        else:
            torch._foreach_copy_(average, current)

    copy = AveragedModel(network, multi_avg_fn=update, use_buffers=True)
    return copy.requires_grad_(False).eval()
