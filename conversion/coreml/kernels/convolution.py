"""MIL's convolution in torch, and the padding of every window."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from training.student.errors import ConversionRefused

Ints = Sequence[int]
Layer = Callable[..., Tensor]

CONVOLUTIONS: Mapping[int, Layer] = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}
"""By the rank of the tensor."""


def conv(
    x: Tensor,
    weight: Tensor,
    strides: Ints,
    pad_type: str,
    pad: Ints,
    dilations: Ints,
    groups: int,
    bias: Tensor | None = None,
) -> Tensor:
    """Convolution; `same` pads towards ceil(length / stride) results, the odd sample at the end."""
    reach = [(size - 1) * step + 1 for size, step in zip(weight.shape[2:], dilations, strict=True)]
    amounts = padding_of(x, reach, strides, pad_type, pad)
    # torch pads both sides alike, which it does without a copy.
    alike = all(before == after for before, after in amounts)
    framed = x if alike else padded(x, amounts, 0)
    return CONVOLUTIONS[x.ndim](
        framed,
        weight,
        bias,
        stride=strides,
        padding=[before for before, _ in amounts] if alike else 0,
        dilation=dilations,
        groups=groups,
    )


Amounts = list[tuple[int, int]]
"""Padding before and after, per spatial axis."""


def pairs(pad: Ints) -> Amounts:
    """MIL's flat list of padding, axis by axis."""
    return list(zip(pad[::2], pad[1::2], strict=True))


def padding_of(x: Tensor, reach: Ints, strides: Ints, pad_type: str, pad: Ints) -> Amounts:
    """What each spatial axis is padded by.

    Args:
        x: The image.
        reach: Of the window, dilation included.
        strides: Of the window.
        pad_type: As MIL names it.
        pad: MIL's flat list, which `custom` reads alone.
    """
    match pad_type:
        case "valid":
            return [(0, 0)] * len(reach)
        case "custom":
            return pairs(pad)
        case "same" | "same_lower":
            totals = [
                max((math.ceil(n / s) - 1) * s + r - n, 0) for n, s, r in zip(x.shape[2:], strides, reach, strict=True)
            ]
            upper = [(total // 2, total - total // 2) for total in totals]
            return upper if pad_type == "same" else [(after, before) for before, after in upper]
    raise ConversionRefused(f"pad_type '{pad_type}' is unknown; MIL has valid, custom, same and same_lower")


def padded(x: Tensor, amounts: Amounts, value: float) -> Tensor:
    """An image with its spatial axes padded by one value."""
    if not any(before or after for before, after in amounts):
        return x
    # torch lists the last axis first.
    return F.pad(x, [amount for pair in reversed(amounts) for amount in pair], value=value)


KERNELS: Mapping[str, Callable[..., Any]] = {"conv": conv}
