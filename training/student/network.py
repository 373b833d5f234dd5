"""The student: an encoder, a light UNet decoder cut at the contract's stride, raw RGB in, logits out."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.student import encoders
from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.normalisation import Normalise


@dataclass(frozen=True, slots=True)
class Architecture:
    """What it takes, beside the contract, to build a student again."""

    encoder: str
    """A name of `encoders.ENCODERS`."""
    decoder: tuple[int, ...]
    """Channels of the decoder's blocks, deepest first; no more than the stride asks for are used."""
    separable: bool
    """Whether decoder convolutions are depthwise separable."""
    mean: tuple[float, ...]
    """Per RGB channel, of inputs scaled to [0, 1]; belongs to the encoder's weights."""
    std: tuple[float, ...]
    """Likewise."""
    depth: int = encoders.DEPTH
    """Halvings of the resolution that the encoder goes through; its deeper stages are left out."""
    slim: tuple[float, ...] = ()
    """Shares of hidden channels that the encoder's stages keep, see `training.student.slim`."""


class Student(nn.Module):
    """The network that ships: (N, 3, H, W) raw RGB of 0 to 255 in, (N, classes, H / stride, W / stride) logits out.

    Normalisation is its first operation, so that no caller can get it wrong; upsampling the logits is left to
    post-processing. Each block of the decoder doubles the resolution. Where there are fewer than the stride asks for,
    the head gives the logits of several places as channels and shuffles them apart (Shi et al., Real-Time Single Image
    and Video Super-Resolution Using an Efficient Sub-Pixel CNN, 2016).
    """

    def __init__(self, contract: Contract, architecture: Architecture) -> None:
        """Build it untrained.

        Raises:
            BadInput: The encoder is unknown or blocked, or the sizes do not suit it.
        """
        super().__init__()
        check_size(contract.height, contract.width, architecture.depth)
        doublings = architecture.depth - int(math.log2(contract.stride))
        if doublings < 1:
            raise BadInput(
                f"depth {architecture.depth} and stride {contract.stride} leave the decoder nothing to do; "
                f"use a depth of at least {int(math.log2(contract.stride)) + 1}"
            )
        decoder = architecture.decoder[:doublings]
        self.encoder = encoders.build(architecture.encoder, architecture.depth, architecture.slim)
        skips: list[int] = list(self.encoder.out_channels)  # type: ignore[arg-type]
        self.normalise = Normalise(architecture.mean, architecture.std)
        widths = [skips[-1], *decoder]
        # The skip at full resolution would be the photo itself; it is left out.
        self._skips = [*skips[-2:0:-1], 0][: len(decoder)]
        self.decoder = nn.ModuleList(
            DecoderBlock(widths[i], skip, widths[i + 1], architecture.separable) for i, skip in enumerate(self._skips)
        )
        side = 2 ** (doublings - len(decoder))
        self.head = nn.Conv2d(widths[-1], len(contract.classes) * side**2, kernel_size=1)
        self._shuffle = nn.PixelShuffle(side) if side > 1 else nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        """Logits of raw RGB."""
        features = self.encoder(self.normalise(image))
        x = features[-1]
        for i, (block, channels) in enumerate(zip(self.decoder, self._skips, strict=True)):
            x = block(x, features[-2 - i] if channels else None)
        logits: Tensor = self._shuffle(self.head(x))
        return logits


def check_size(height: int, width: int, depth: int = encoders.DEPTH) -> None:
    """Refuse an input that an encoder of that depth cannot halve evenly.

    Raises:
        BadInput: Height or width is not a multiple of 2 ** depth; the message names the sizes beside it that are.
    """
    step = 2**depth
    for side, length in (("height", height), ("width", width)):
        if length % step or length < step:
            smaller = max(length - length % step, step)
            raise BadInput(f"{side} {length} is not a multiple of {step}; use {smaller} or {smaller + step}")


class DecoderBlock(nn.Module):
    """Twice the resolution, joined with the encoder's features there.

    Channels are reduced before upsampling, where a pixel is four times cheaper.
    """

    def __init__(self, channels: int, skip: int, width: int, separable: bool) -> None:
        """`channels` of the coarser features and `skip` of the encoder's are turned into `width`."""
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
