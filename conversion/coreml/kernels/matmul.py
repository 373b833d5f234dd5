"""MIL's products of matrices in torch."""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def matmul(x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False) -> Tensor:
    """Numpy's, either side turned first."""
    x = x.transpose(-1, -2) if transpose_x and x.ndim > 1 else x
    y = y.transpose(-1, -2) if transpose_y and y.ndim > 1 else y
    return x @ y


def einsum(values: Sequence[Tensor], equation: str) -> Tensor:
    """Of two tensors."""
    return torch.einsum(equation, *values)


KERNELS: Mapping[str, Callable[..., Tensor]] = {
    "einsum": einsum,
    "linear": lambda x, weight, bias=None: F.linear(x, weight, bias),
    "matmul": matmul,
}
