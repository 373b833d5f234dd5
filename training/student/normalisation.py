"""From raw RGB to what an encoder expects; inside the graph, so that no caller can get it wrong."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

NEUTRAL = (0.5, 0.5, 0.5)
"""Mean and std, of inputs scaled to [0, 1], for an encoder that starts from scratch."""


class Normalise(nn.Module):
    """(image − mean) / std per RGB channel, as a subtraction and a product."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Mean and std of inputs scaled to [0, 1]; raw inputs of 0 to 255 are what will come."""
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", 1 / (255 * torch.tensor(std).view(1, 3, 1, 1)), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W), raw RGB to normalised."""
        return (image - self.mean) * self.scale
