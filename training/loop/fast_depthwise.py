"""Strided depthwise convolutions, computed in the way that trains fastest on a CPU.

oneDNN's backward pass of a depthwise convolution is slow at stride 2 and good at stride 1: computing all positions
and keeping every second one gives the same numbers 2 to 18 times faster (16 × 96 × 128²: 234 to 122 ms forward and
backward; 16 × 576 × 16²: 89 to 5). For training only: checkpoints and
exported files have the strided convolution.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SubsampledDepthwise(nn.Module):
    """A depthwise convolution of stride 2, on even sizes: one of stride 1, of which every second pixel is kept."""

    def __init__(self, convolution: nn.Conv2d, first: int) -> None:
        """Share the parameters of `convolution`, under the same names.

        Args:
            convolution: Depthwise, stride 2, square odd kernel.
            first: The pixel to begin with: 0 where padding is symmetric, 1 where it is TensorFlow's SAME, which
                pads even sizes more at their end.
        """
        super().__init__()
        self.weight = convolution.weight
        self.bias = convolution.bias
        self._padding = convolution.kernel_size[0] // 2
        self._first = first

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, channels, H / 2, W / 2)."""
        whole = F.conv2d(x, self.weight, self.bias, padding=self._padding, groups=x.shape[1])
        kept: Tensor = _Subsample.apply(whole, self._first)
        return kept


class _Subsample(torch.autograd.Function):
    """Every second pixel of both axes, in the memory order of its input both ways.

    Plain indexing leaves a view whose normalisation is eight times slower, and a gradient in another order.
    """

    @staticmethod
    def forward(context: Any, x: Tensor, first: int) -> Tensor:
        context.first, context.shape = first, x.shape
        return x[:, :, first::2, first::2].contiguous(memory_format=_order(x))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        spread = torch.empty(
            context.shape, dtype=gradient.dtype, device=gradient.device, memory_format=_order(gradient)
        ).zero_()
        spread[:, :, context.first :: 2, context.first :: 2] = gradient
        return spread, None


def _order(x: Tensor) -> torch.memory_format:
    return torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format


def replace_strided_depthwise(network: nn.Module) -> nn.Module:
    """The network with its strided depthwise convolutions replaced in place; parameters stay where they are."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d) and (first := _first(child)) is not None:
                setattr(parent, name, SubsampledDepthwise(child, first))
    return network


def has_strided_depthwise(network: nn.Module) -> bool:
    """Whether the network has convolutions that `replace_strided_depthwise` would replace."""
    return any(isinstance(module, nn.Conv2d) and _first(module) is not None for module in network.modules())


def _first(convolution: nn.Conv2d) -> int | None:
    """The first pixel that a strided depthwise convolution keeps; None for any other convolution."""
    side = convolution.kernel_size[0]
    is_depthwise = convolution.groups == convolution.in_channels == convolution.out_channels
    if not is_depthwise or convolution.stride != (2, 2) or convolution.kernel_size != (side, side):
        return None
    if convolution.dilation != (1, 1) or side % 2 == 0:
        return None
    if type(convolution).__name__ == "Conv2dSame":
        return 1
    return 0 if convolution.padding == (side // 2, side // 2) else None
