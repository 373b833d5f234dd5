"""MIL's transposed convolution in torch."""

from collections.abc import Callable, Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from conversion.coreml.kernels.convolution import Ints, Layer, pairs
from training.student.errors import ConversionRefused

TRANSPOSED: Mapping[int, Layer] = {3: F.conv_transpose1d, 4: F.conv_transpose2d, 5: F.conv_transpose3d}
"""By the rank of the tensor."""


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
    for axis, (before, after) in enumerate(pairs(pad) if pad_type == "custom" else [], start=2):
        whole = whole.narrow(axis, before, whole.shape[axis] - before - after)
    if output_shape is not None and tuple(output_shape) != whole.shape:
        raise ConversionRefused(
            f"conv_transpose to {tuple(output_shape)}, with this padding {tuple(whole.shape)}: MIL leaves open where"
        )
    return whole


KERNELS: Mapping[str, Callable[..., Any]] = {"conv_transpose": conv_transpose}
