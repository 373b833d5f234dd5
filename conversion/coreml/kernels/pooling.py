"""MIL's pools in torch."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from conversion.coreml.kernels.convolution import Amounts, Ints, Layer, padded, padding_of
from training.student.errors import ConversionRefused

MAX_POOLS: Mapping[int, Layer] = {3: F.max_pool1d, 4: F.max_pool2d, 5: F.max_pool3d}
AVERAGE_POOLS: Mapping[int, Layer] = {3: F.avg_pool1d, 4: F.avg_pool2d, 5: F.avg_pool3d}
"""By the rank of the tensor."""


def max_pool(x: Tensor, kernel_sizes: Ints, strides: Ints, pad_type: str, pad: Ints, ceil_mode: bool) -> Tensor:
    """Maximum of each window; padding never wins."""
    amounts = padding_of(x, kernel_sizes, strides, pad_type, pad)
    amounts = _with_overhang(x, amounts, kernel_sizes, strides) if ceil_mode else amounts
    return MAX_POOLS[x.ndim](padded(x, amounts, -math.inf), kernel_sizes, strides)


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
    amounts = padding_of(x, kernel_sizes, strides, pad_type, pad)
    if ceil_mode and _with_overhang(x, amounts, kernel_sizes, strides) != amounts:
        raise ConversionRefused("avg_pool with a ceil_mode that adds a window: MIL leaves open what it divides by")
    pool = AVERAGE_POOLS[x.ndim]
    pooled = pool(padded(x, amounts, 0), kernel_sizes, strides)
    if exclude_padding_from_average:
        pooled = pooled / pool(padded(torch.ones_like(x[:1, :1]), amounts, 0), kernel_sizes, strides)
    return pooled


def _with_overhang(x: Tensor, amounts: Amounts, kernel: Ints, strides: Ints) -> Amounts:
    """Padding that makes room for the windows that ceil_mode adds, by the formula in avg_pool's documentation."""
    extended = []
    for n, (before, after), k, s in zip(x.shape[2:], amounts, kernel, strides, strict=True):
        windows = math.ceil((n + before + after - k) / s) + 1
        if before + after > 0 and (windows - 1) * s >= n + before:
            windows -= 1
        extended.append((before, after + max((windows - 1) * s + k - (n + before + after), 0)))
    return extended


KERNELS: Mapping[str, Callable[..., Any]] = {"avg_pool": avg_pool, "max_pool": max_pool}
