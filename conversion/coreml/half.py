"""Which numbers float16 holds, and how constants are rounded to it."""

from collections.abc import Iterable
from typing import Any

import numpy as np

LARGEST = float(np.finfo(np.float16).max)
SMALLEST = np.finfo(np.float16).smallest_subnormal

SCALING = {"mul", "real_div", "pow"}
"""Operators that multiply or divide by a constant; in others a tiny constant, such as an epsilon, only avoids zero."""


def fits(operator: str, arguments: Iterable[Any]) -> bool:
    """Whether an operator can compute in float16: none of its constants overflows, and none that scales vanishes."""
    constants = [value for argument in arguments for value in _constants(argument)]
    # Infinities mean the same in both.
    fits = all(np.max(np.abs(value), where=np.isfinite(value), initial=0) <= LARGEST for value in constants)
    return fits and not (operator in SCALING and any(_vanishes(value) for value in constants))


def rounded(value: Any) -> Any:
    """An array or number in float16; a single number, such as an epsilon, is never rounded to zero."""
    if _vanishes(value):
        return (np.sign(value) * SMALLEST).astype(np.float16)
    return value.astype(np.float16)


def _constants(argument: Any) -> list[Any]:
    if isinstance(argument, list):
        return [value for item in argument for value in _constants(item)]
    is_real = isinstance(argument, np.ndarray | np.floating) and argument.dtype.kind == "f"
    return [argument] if is_real else []


def _vanishes(value: Any) -> bool:
    return bool(value.size == 1 and value != 0 and value.astype(np.float16) == 0)
