"""The student: an encoder, a light UNet decoder cut at the contract's stride, raw RGB in, logits out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.student import encoders
from training.student.arrays import Floats, Pixels, channels_first
from training.student.contract import Contract
from training.student.decoders import MLPDecoder, UNetDecoder
from training.student.errors import BadInput
from training.student.normalisation import Normalise

MOST_CHANNELS = 1024
"""Of a block of the decoder; the widest that anybody measured here has 256."""
MOST_BLOCKS = 32


@dataclass(frozen=True, slots=True)
class Architecture:
    """What is needed, with the contract, to build a student's network again."""

    encoder: str
    """A name of `encoders.ENCODERS`."""
    decoder: tuple[int, ...]
    """Channels of the decoder's blocks, deepest first; blocks that the stride does not need are left out."""
    separable: bool
    """Whether decoder convolutions are depthwise separable."""
    mean: tuple[float, ...]
    """Per RGB channel, of inputs scaled to [0, 1]; belongs to the encoder's weights."""
    std: tuple[float, ...]
    """Likewise."""
    depth: int = encoders.DEPTH
    """Halvings of the resolution that the encoder goes through; its deeper stages are left out."""
    width_multiplier: tuple[float, ...] = ()
    """Shares of hidden channels that the encoder's stages keep, see `training.student.width_multiplier`."""
    decoder_type: str = "unet"
    """`unet` or `mlp`, see `training.student.decoders`."""

    def __post_init__(self) -> None:
        """Refuse what would take a machine's memory, or no end of time, before torch asks for it.

        Raises:
            BadInput: A size is none that a student can have.
        """
        sizes: Mapping[str, tuple[Sequence[float], int, float, float]] = {
            "decoder": (self.decoder, MOST_BLOCKS, 1, MOST_CHANNELS),
            "depth": ((self.depth,), 1, 2, encoders.DEPTH),
            "mean": (self.mean, 3, -1e3, 1e3),
            "std": (self.std, 3, 1e-6, 1e3),
            "width_multiplier": (self.width_multiplier, MOST_BLOCKS, 1e-3, 1),
        }
        for name, (values, most, least, largest) in sizes.items():
            odd = [value for value in values if not least <= value <= largest]
            if odd or len(values) > most:
                found = f"has {odd[0]:g}" if odd else f"has {len(values)} values"
                raise BadInput(f"{name} {found}; expected at most {most}, each from {least:g} to {largest:g}")


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
        self.encoder = encoders.build(architecture.encoder, architecture.depth, architecture.width_multiplier)
        channels: list[int] = list(self.encoder.out_channels)  # type: ignore[arg-type]
        self.normalise = Normalise(architecture.mean, architecture.std)
        widths = architecture.decoder[:doublings]
        self.decoder: UNetDecoder | MLPDecoder
        if architecture.decoder_type == "unet":
            self.decoder = UNetDecoder(channels, widths, architecture.separable)
            left = doublings - len(widths)
        else:
            widths = widths[:1]
            self.decoder = MLPDecoder(channels, widths[0])
            left = MLPDecoder.FINEST - int(math.log2(contract.stride))
            if left < 0:
                raise BadInput(
                    f"decoder_type=mlp gives logits at stride 4 at most, not {contract.stride}; use stride=4"
                )
        self.head = nn.Conv2d(widths[-1], len(contract.classes) * 4**left, kernel_size=1)
        self._shuffle = nn.PixelShuffle(2**left) if left else nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        """Logits of raw RGB."""
        logits: Tensor = self._shuffle(self.head(self.decoder(self.encoder(self.normalise(image)))))
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


@torch.inference_mode()
def infer_logits(network: nn.Module, image: Pixels) -> Floats:
    """The logits (channels, rows, columns) of one input, by a network on the CPU that keeps the contract.

    Args:
        network: In evaluation mode.
        image: (height, width, 3) RGB, preprocessed.
    """
    logits: Floats = network(torch.from_numpy(channels_first(image)))[0].numpy()
    return logits
