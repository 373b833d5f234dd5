"""Synchronised batch normalisation: statistics over the photos of all processes, as if one process had the batch.

torch's SyncBatchNorm works on GPUs only. Lightning's option for it drops the activation inside the normalisation
layers of timm's encoders; timm's conversion keeps it.
"""

from typing import Any

import torch
import torch.distributed
import torch.nn.functional as F
from timm.layers.norm_act import convert_sync_batchnorm
from torch import Tensor, nn

from training.device import Accelerator


def synchronise_batchnorm(network: nn.Module, accelerator: Accelerator) -> nn.Module:
    """The network with its batch normalisation replaced; parameters and statistics stay where they are."""
    if accelerator == "cuda":
        converted: nn.Module = convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return converted
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, _SyncBatchNorm(child))
    return network


class _SyncBatchNorm(nn.Module):
    """One layer, on the CPU; every process must give it the same number of values per channel."""

    def __init__(self, layer: nn.BatchNorm2d) -> None:
        """Share the parameters and statistics of `layer`, under the same names."""
        super().__init__()
        assert layer.momentum is not None
        assert layer.running_mean is not None
        assert layer.running_var is not None
        self.weight, self.bias = layer.weight, layer.bias
        self.running_mean: Tensor
        self.running_var: Tensor
        self.num_batches_tracked: Tensor
        self.register_buffer("running_mean", layer.running_mean)
        self.register_buffer("running_var", layer.running_var)
        self.register_buffer("num_batches_tracked", layer.num_batches_tracked)
        self._eps, self._momentum = layer.eps, layer.momentum
        # timm's layers end with these two.
        self.drop = getattr(layer, "drop", nn.Identity())
        self.act = getattr(layer, "act", nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W); the other processes have as many."""
        if self.training and torch.distributed.is_initialized():
            normalised = self._over_all(x)
        else:
            normalised = F.batch_norm(
                x,
                self.running_mean,
                self.running_var,
                self.weight,
                self.bias,
                training=self.training,
                momentum=self._momentum,
                eps=self._eps,
            )
        activated: Tensor = self.act(self.drop(normalised))
        return activated

    def _over_all(self, x: Tensor) -> Tensor:
        axes = (0, 2, 3)
        count = torch.distributed.get_world_size()
        mean = _all_reduce_sum(x.float().mean(axes)) / count
        centred = x.float() - mean.view(1, -1, 1, 1)
        variance = _all_reduce_sum(centred.square().mean(axes)) / count
        with torch.no_grad():
            values = x.numel() // x.shape[1] * count
            self.running_mean.lerp_(mean, self._momentum)
            self.running_var.lerp_(variance * values / (values - 1), self._momentum)
            self.num_batches_tracked += 1
        scale: Tensor = torch.rsqrt(variance + self._eps) * self.weight
        return (centred * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)).to(x.dtype)


class _AllReduceSum(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is summed likewise."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        total = x.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        torch.distributed.all_reduce(total)
        return total


def _all_reduce_sum(x: Tensor) -> Tensor:
    total: Tensor = _AllReduceSum.apply(x)
    return total
