"""MIL's elementwise arithmetic, comparisons and casts in torch."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
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


def cast(x: Tensor, dtype: str) -> Tensor:
    """Between numbers of any kind; real ones are held as float32, and rounded by whoever runs the program."""
    kinds = {"fp16": torch.float32, "fp32": torch.float32, "int32": torch.int32, "bool": torch.bool}
    if dtype not in kinds:
        raise ConversionRefused(f"cast to {dtype}; known are {', '.join(kinds)}")
    return x.to(kinds[dtype])


KERNELS: Mapping[str, Callable[..., Any]] = {
    "abs": lambda x: x.abs(),
    "acos": lambda x: x.acos(),
    "add": lambda x, y: x + y,
    "asin": lambda x: x.asin(),
    "atan": lambda x: x.atan(),
    "atanh": lambda x: x.atanh(),
    "cast": cast,
    "ceil": lambda x: x.ceil(),
    "clip": lambda x, alpha, beta: x.maximum(alpha).minimum(beta),
    "cos": lambda x: x.cos(),
    "cosh": lambda x: x.cosh(),
    "equal": lambda x, y: x == y,
    "erf": lambda x: x.erf(),
    "exp": lambda x: x.exp(),
    "exp2": lambda x: x.exp2(),
    "floor": lambda x: x.floor(),
    "floor_div": floor_div,
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
    "identity": lambda x: x,
    "inverse": lambda x, epsilon=1e-4: 1 / (x + epsilon),
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
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
    "real_div": real_div,
    "round": lambda x: x.round(),
    "rsqrt": lambda x, epsilon=1e-12: torch.rsqrt(x + epsilon),
    "select": select,
    "sign": lambda x: x.sign(),
    "sin": lambda x: x.sin(),
    "sinh": lambda x: x.sinh(),
    "sqrt": lambda x: x.sqrt(),
    "square": lambda x: x.square(),
    "sub": lambda x, y: x - y,
    "tan": lambda x: x.tan(),
    "tanh": lambda x: x.tanh(),
    "threshold": lambda x, alpha: x.maximum(torch.as_tensor(alpha, dtype=x.dtype)),
}
