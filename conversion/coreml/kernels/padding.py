"""MIL's padding in torch."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from conversion.coreml.kernels.shape import Ints, ints
from training.student.errors import ConversionRefused


def pad(x: Tensor, pad: Ints, mode: str = "constant", constant_val: Tensor | float = 0.0) -> Tensor:
    """Of the last axes, as many as `pad` has pairs."""
    given = ints(pad)
    amounts = list(zip(given[::2], given[1::2], strict=True))
    if mode == "constant":
        # torch lists the last axis first.
        return F.pad(x, [amount for pair in reversed(amounts) for amount in pair], value=float(constant_val))
    if mode not in ("reflect", "replicate"):
        raise ConversionRefused(f"pad in mode '{mode}'; MIL has constant, reflect and replicate")
    for axis, (before, after) in enumerate(amounts, start=x.ndim - len(amounts)):
        index = np.pad(np.arange(x.shape[axis]), (before, after), mode="reflect" if mode == "reflect" else "edge")
        x = x.index_select(axis, torch.from_numpy(index))
    return x


KERNELS: Mapping[str, Callable[..., Tensor]] = {"pad": pad}
