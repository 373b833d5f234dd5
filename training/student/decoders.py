"""The two types of decoder: UNet's, scale by scale, and SegFormer's MLP, all scales at once."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class UNetDecoder(nn.ModuleList):
    """UNet's decoder: each block doubles the resolution and joins the encoder's features of that scale."""

    def __init__(self, channels: Sequence[int], widths: Sequence[int], separable: bool) -> None:
        """Build it untrained.

        Args:
            channels: Of the encoder's features, finest first, the photo's own 3 at the head.
            widths: Of the blocks, deepest first.
            separable: Whether convolutions are depthwise separable.
        """
        # The skip at full resolution would be the photo itself; it is left out.
        self._skips = [*channels[-2:0:-1], 0][: len(widths)]
        before = [channels[-1], *widths]
        super().__init__(
            DecoderBlock(before[i], skip, width, separable)
            for i, (skip, width) in enumerate(zip(self._skips, widths, strict=True))
        )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """(N, width, h, w) at the last block's resolution."""
        x = features[-1]
        for i, (block, channels) in enumerate(zip(self, self._skips, strict=True)):
            x = block(x, features[-2 - i] if channels else None)
        return x


class DecoderBlock(nn.Module):
    """Doubles the resolution and joins the encoder's features of that scale.

    Channels are reduced before upsampling, where a pixel is four times cheaper.
    """

    def __init__(self, channels: int, skip: int, width: int, separable: bool) -> None:
        """From `channels` of the coarser features and `skip` channels of the encoder's to `width` channels."""
        super().__init__()
        convolution = separable_convolution if separable else dense_convolution
        self.reduce = pointwise(channels, width)
        self.join = convolution(width + skip, width)
        self.refine = convolution(width, width)

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        """(N, channels, h, w) and (N, skip, 2h, 2w) to (N, width, 2h, 2w)."""
        # Bilinear with half-pixel centres: the one resize that both phone runtimes delegate whole.
        x = F.interpolate(self.reduce(x), scale_factor=2, mode="bilinear", align_corners=False)
        if skip is not None:
            x = torch.cat([x, skip], dim=1)
        refined: Tensor = self.refine(self.join(x))
        return refined


class MLPDecoder(nn.Module):
    """SegFormer's decoder: every scale is projected to one number of channels, resized to stride 4, and they are mixed.

    After Xie et al., SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers (2021).
    """

    FINEST = 2
    """Its logits have stride 2 ** FINEST, before the head shuffles pixels."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        """`channels` as for `UNetDecoder`; features finer than stride 4 are not used."""
        super().__init__()
        self.bring = nn.ModuleList(nn.Conv2d(own, width, kernel_size=1) for own in channels[self.FINEST :])
        self.mix = pointwise(len(self.bring) * width, width)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """(N, width, H / 4, W / 4)."""
        brought = []
        for i, (bring, scale) in enumerate(zip(self.bring, features[self.FINEST :], strict=True)):
            x = bring(scale)
            brought.append(F.interpolate(x, scale_factor=2**i, mode="bilinear", align_corners=False) if i else x)
        mixed: Tensor = self.mix(torch.cat(brought, dim=1))
        return mixed


def pointwise(channels: int, width: int) -> nn.Sequential:
    """A 1 × 1 convolution with its normalisation and ReLU."""
    return nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def dense_convolution(channels: int, width: int) -> nn.Sequential:
    """A 3 × 3 convolution with its normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
    )


def separable_convolution(channels: int, width: int) -> nn.Sequential:
    """A 3 × 3 convolution per channel, then a 1 × 1 convolution across them."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
        *pointwise(channels, width),
    )
