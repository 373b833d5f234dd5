"""MIL's elementwise operators in torch: arithmetic, comparisons, activations and casts."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.student.errors import ConversionRefused


def real_div(x: Tensor, y: Tensor) -> Tensor:
    """Of real numbers."""
    if not (x.is_floating_point() and y.is_floating_point()):
        raise ConversionRefused("real_div of whole numbers: MIL leaves open how it rounds")
    return x / y


def floor_div(x: Tensor, y: Tensor) -> Tensor:
    """Rounded down."""
    return torch.div(x, y, rounding_mode="floor")


def select(cond: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """From `a` where true, elsewhere from `b`."""
    return torch.where(cond, a, b)


def sign(x: Tensor) -> Tensor:
    """−1, 0 or 1; NaN, which torch makes 0, stays NaN."""
    return torch.where(x.isnan(), x, x.sign())


def cast(x: Tensor, dtype: str) -> Tensor:
    """Between numbers of any kind; real ones are held as float32, and rounded by whoever runs the program."""
    kinds = {"fp16": torch.float32, "fp32": torch.float32, "int32": torch.int32, "bool": torch.bool}
    if dtype not in kinds:
        raise ConversionRefused(f"cast to {dtype}; known are {', '.join(kinds)}")
    return x.to(kinds[dtype])


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


KERNELS: Mapping[str, Callable[..., Any]] = {
    "abs": lambda x: x.abs(),
    "acos": lambda x: x.acos(),
    "add": lambda x, y: x + y,
    "asin": lambda x: x.asin(),
    "atan": lambda x: x.atan(),
    "atanh": lambda x: x.atanh(),
    "cast": cast,
    "ceil": lambda x: x.ceil(),
    "clamped_relu": lambda x, alpha, beta: torch.where(x >= 0, x, alpha * x).clamp(max=beta),
    "clip": lambda x, alpha, beta: x.maximum(alpha).minimum(beta),
    "cos": lambda x: x.cos(),
    "cosh": lambda x: x.cosh(),
    "elu": lambda x, alpha: torch.where(x > 0, x, alpha * x.expm1()),
    "equal": lambda x, y: x == y,
    "erf": lambda x: x.erf(),
    "exp": lambda x: x.exp(),
    "exp2": lambda x: x.exp2(),
    "floor": lambda x: x.floor(),
    "floor_div": floor_div,
    "gelu": gelu,
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
    "identity": lambda x: x,
    "inverse": lambda x, epsilon=1e-4: 1 / (x + epsilon),
    "leaky_relu": lambda x, alpha: torch.where(x >= 0, x, alpha * x),
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "linear_activation": lambda x, alpha, beta: alpha * x + beta,
    "log": lambda x, epsilon=1e-45: torch.log(x + epsilon),
    "logical_and": lambda x, y: x & y,
    "logical_not": lambda x: x.logical_not(),
    "logical_or": lambda x, y: x | y,
    "logical_xor": lambda x, y: x ^ y,
    "maximum": lambda x, y: x.maximum(y),
    "minimum": lambda x, y: x.minimum(y),
    "mod": lambda x, y: x.remainder(y),
    "mul": lambda x, y: x * y,
    "not_equal": lambda x, y: x != y,
    "pow": lambda x, y: x**y,
    "prelu": prelu,
    "real_div": real_div,
    "relu": lambda x: x.relu(),
    "relu6": lambda x: x.clamp(0, 6),
    "round": lambda x: x.round(),
    "rsqrt": lambda x, epsilon=1e-12: torch.rsqrt(x + epsilon),
    "scaled_tanh": lambda x, alpha, beta: alpha * (beta * x).tanh(),
    "select": select,
    "sigmoid": lambda x: x.sigmoid(),
    "sigmoid_hard": lambda x, alpha, beta: (alpha * x + beta).clamp(0, 1),
    "sign": sign,
    "silu": lambda x: x * x.sigmoid(),
    "sin": lambda x: x.sin(),
    "sinh": lambda x: x.sinh(),
    "softplus": lambda x: x.logaddexp(torch.zeros_like(x)),
    "softplus_parametric": softplus_parametric,
    "softsign": lambda x: x / (1 + x.abs()),
    "sqrt": lambda x: x.sqrt(),
    "square": lambda x: x.square(),
    "sub": lambda x, y: x - y,
    "tan": lambda x: x.tan(),
    "tanh": lambda x: x.tanh(),
    "threshold": lambda x, alpha: x.maximum(torch.as_tensor(alpha, dtype=x.dtype)),
    "thresholded_relu": lambda x, alpha: torch.where(x >= alpha, x, torch.zeros_like(x)),
}
