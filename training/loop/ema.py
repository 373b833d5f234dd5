"""The exponential moving average (EMA) of the weights over training steps; it varies less than the last weights."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

_Tensors = list[Tensor] | tuple[Tensor, ...]


def exponential_moving_average(network: nn.Module, decay: float) -> AveragedModel:
    """The average of a network's weights: call `update_parameters(network)` after each step. It needs no gradients.

    The decay rises with the steps n to `decay`, as min(decay, (1 + n) / (10 + n)), so that the untrained weights have
    little part in a short training too (as TensorFlow's ExponentialMovingAverage with `num_updates`). The statistics of
    batch normalisation are averaged as well, since those of the network belong to its own weights.
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
