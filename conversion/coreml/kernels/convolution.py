"""MIL's convolutions and pools in torch."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.student.errors import ConversionRefused

Ints = Sequence[int]
Layer = Callable[..., Tensor]

CONVOLUTIONS: Mapping[int, Layer] = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}
TRANSPOSED: Mapping[int, Layer] = {3: F.conv_transpose1d, 4: F.conv_transpose2d, 5: F.conv_transpose3d}
MAX_POOLS: Mapping[int, Layer] = {3: F.max_pool1d, 4: F.max_pool2d, 5: F.max_pool3d}
AVERAGE_POOLS: Mapping[int, Layer] = {3: F.avg_pool1d, 4: F.avg_pool2d, 5: F.avg_pool3d}
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
    amounts = _padding(x, reach, strides, pad_type, pad)
    # torch pads both sides alike, which it does without a copy.
    alike = all(before == after for before, after in amounts)
    padded = x if alike else _padded(x, amounts, 0)
    return CONVOLUTIONS[x.ndim](
        padded,
        weight,
        bias,
        stride=strides,
        padding=[before for before, _ in amounts] if alike else 0,
        dilation=dilations,
        groups=groups,
    )


def conv_transpose(
    x: Tensor,
    weight: Tensor,
    strides: Ints,
    pad_type: str,
    pad: Ints,
    dilations: Ints,
    groups: int,
    bias: Tensor | None = None,
    output_shape: Ints | None = None,
) -> Tensor:
    """Transposed convolution; padding is cut off."""
    if pad_type not in ("valid", "custom"):
        raise ConversionRefused(f"conv_transpose with pad_type '{pad_type}': MIL leaves open which samples it cuts off")
    whole = TRANSPOSED[x.ndim](x, weight, bias, stride=strides, groups=groups, dilation=dilations)
    for axis, (before, after) in enumerate(_pairs(pad) if pad_type == "custom" else [], start=2):
        whole = whole.narrow(axis, before, whole.shape[axis] - before - after)
    if output_shape is not None and tuple(output_shape) != whole.shape:
        raise ConversionRefused(
            f"conv_transpose to {tuple(output_shape)}, with this padding {tuple(whole.shape)}: MIL leaves open where"
        )
    return whole


def max_pool(x: Tensor, kernel_sizes: Ints, strides: Ints, pad_type: str, pad: Ints, ceil_mode: bool) -> Tensor:
    """Maximum of each window; padding never wins."""
    amounts = _padding(x, kernel_sizes, strides, pad_type, pad)
    amounts = _with_overhang(x, amounts, kernel_sizes, strides) if ceil_mode else amounts
    return MAX_POOLS[x.ndim](_padded(x, amounts, -math.inf), kernel_sizes, strides)


def avg_pool(
    x: Tensor,
    kernel_sizes: Ints,
    strides: Ints,
    pad_type: str,
    pad: Ints,
    ceil_mode: bool,
    exclude_padding_from_average: bool,
) -> Tensor:
    """Mean of each window, over the whole kernel or only over what is no padding."""
    amounts = _padding(x, kernel_sizes, strides, pad_type, pad)
    if ceil_mode and _with_overhang(x, amounts, kernel_sizes, strides) != amounts:
        raise ConversionRefused("avg_pool with a ceil_mode that adds a window: MIL leaves open what it divides by")
    pool = AVERAGE_POOLS[x.ndim]
    pooled = pool(_padded(x, amounts, 0), kernel_sizes, strides)
    if exclude_padding_from_average:
        pooled = pooled / pool(_padded(torch.ones_like(x[:1, :1]), amounts, 0), kernel_sizes, strides)
    return pooled


Amounts = list[tuple[int, int]]
"""Padding before and after, per spatial axis."""


def _pairs(pad: Ints) -> Amounts:
    return list(zip(pad[::2], pad[1::2], strict=True))


def _padding(x: Tensor, reach: Ints, strides: Ints, pad_type: str, pad: Ints) -> Amounts:
    match pad_type:
        case "valid":
            return [(0, 0)] * len(reach)
        case "custom":
            return _pairs(pad)
        case "same" | "same_lower":
            totals = [
                max((math.ceil(n / s) - 1) * s + r - n, 0) for n, s, r in zip(x.shape[2:], strides, reach, strict=True)
            ]
            upper = [(total // 2, total - total // 2) for total in totals]
            return upper if pad_type == "same" else [(after, before) for before, after in upper]
    raise ConversionRefused(f"pad_type '{pad_type}' is unknown; MIL has valid, custom, same and same_lower")


def _with_overhang(x: Tensor, amounts: Amounts, kernel: Ints, strides: Ints) -> Amounts:
    """Padding that makes room for the windows that ceil_mode adds, by the formula in avg_pool's documentation."""
    extended = []
    for n, (before, after), k, s in zip(x.shape[2:], amounts, kernel, strides, strict=True):
        windows = math.ceil((n + before + after - k) / s) + 1
        if before + after > 0 and (windows - 1) * s >= n + before:
            windows -= 1
        extended.append((before, after + max((windows - 1) * s + k - (n + before + after), 0)))
    return extended


def _padded(x: Tensor, amounts: Amounts, value: float) -> Tensor:
    if not any(before or after for before, after in amounts):
        return x
    # torch lists the last axis first.
    return F.pad(x, [amount for pair in reversed(amounts) for amount in pair], value=value)


KERNELS: Mapping[str, Callable[..., Any]] = {
    "avg_pool": avg_pool,
    "conv": conv,
    "conv_transpose": conv_transpose,
    "max_pool": max_pool,
}
