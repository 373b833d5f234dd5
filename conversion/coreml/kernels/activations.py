"""MIL's activations in torch."""

import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from training.student.errors import ConversionRefused


def gelu(x: Tensor, mode: str = "EXACT") -> Tensor:
    """In any of three forms."""
    match mode:
        case "EXACT":
            return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))
        case "TANH_APPROXIMATION":
            return F.gelu(x, approximate="tanh")
        case "SIGMOID_APPROXIMATION":
            return x * (1.702 * x).sigmoid()
    raise ConversionRefused(f"gelu in mode '{mode}'; MIL has EXACT, TANH_APPROXIMATION and SIGMOID_APPROXIMATION")


def prelu(x: Tensor, alpha: Tensor) -> Tensor:
    """One slope per channel, axis 1."""
    return torch.where(x > 0, x, _column(alpha, x) * x)


def softplus_parametric(x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """Per channel, alpha · log(1 + e^(beta x))."""
    return _column(alpha, x) * F.softplus(_column(beta, x) * x)


def _column(values: Tensor, x: Tensor) -> Tensor:
    return values.reshape(-1, *[1] * (x.ndim - 2))


KERNELS: Mapping[str, Callable[..., Tensor]] = {
    "clamped_relu": lambda x, alpha, beta: torch.where(x >= 0, x, alpha * x).clamp(max=beta),
    "elu": lambda x, alpha: torch.where(x > 0, x, alpha * x.expm1()),
    "gelu": gelu,
    "leaky_relu": lambda x, alpha: torch.where(x >= 0, x, alpha * x),
    "linear_activation": lambda x, alpha, beta: alpha * x + beta,
    "prelu": prelu,
    "relu": lambda x: x.relu(),
    "relu6": lambda x: x.clamp(0, 6),
    "scaled_tanh": lambda x, alpha, beta: alpha * (beta * x).tanh(),
    "sigmoid": lambda x: x.sigmoid(),
    "sigmoid_hard": lambda x, alpha, beta: (alpha * x + beta).clamp(0, 1),
    "silu": lambda x: x * x.sigmoid(),
    "softmax": lambda x, axis=-1: x.softmax(axis),
    "softplus": lambda x: x.logaddexp(torch.zeros_like(x)),
    "softplus_parametric": softplus_parametric,
    "softsign": lambda x: x / (1 + x.abs()),
    "thresholded_relu": lambda x, alpha: torch.where(x >= alpha, x, torch.zeros_like(x)),
}
