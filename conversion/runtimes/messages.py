"""What a command and its child process say to each other: a line of JSON, then the bytes of arrays.

A message is a head of 12 bytes (a mark, the length of the JSON), a JSON object, and arrays in C order, whose types and
shapes the object lists under `arrays`. Nothing in it is ever executed, and every length is bounded before memory is
taken for it: the other side may run a file that has taken it over.
"""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from training.student.arrays import Array

_HEAD = struct.Struct("<4sQ")
_MARK = b"PMM1"
_MOST_JSON = 2**24
"""Bytes: the names of some hundred thousand tensors."""
MOST_ARRAYS = 2**31
"""Bytes of all arrays of a message."""
_TYPES = frozenset(
    {"bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)), "float16", "float32", "float64"}
)


class Garbled(Exception):
    """What was read is no message."""


def pack(fields: Mapping[str, Any], arrays: Sequence[Array] = ()) -> list[memoryview]:
    """A message, in pieces to send one after another; arrays are not copied where they lie in C order.

    Raises:
        TypeError: An array holds something else than numbers or truths, such as strings.
    """
    given = [np.asarray(array, order="C") for array in arrays]
    for array in given:
        if array.dtype.name not in _TYPES or not array.dtype.isnative:
            raise TypeError(f"tensors of {array.dtype} cannot be passed on")
    listed = [[array.dtype.name, list(array.shape)] for array in given]
    text = json.dumps({**fields, "arrays": listed}, default=repr).encode()
    head = memoryview(_HEAD.pack(_MARK, len(text)) + text)
    return [head, *(array.reshape(-1).view(np.uint8).data for array in given if array.size)]


def unpack(read: Callable[[int], bytearray]) -> tuple[dict[str, Any], list[Array]]:
    """The next message: its fields, and its arrays, which can be written to.

    Args:
        read: Gives exactly so many bytes, or raises an error of its own.

    Raises:
        Garbled: What is read is no message, or is larger than one may be.
    """
    mark, length = _HEAD.unpack(read(_HEAD.size))
    if mark != _MARK or length > _MOST_JSON:
        raise Garbled
    try:
        fields = json.loads(read(length))
        listed = [(str(name), [int(size) for size in shape]) for name, shape in fields.pop("arrays")]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Garbled from error
    arrays: list[Array] = []
    left = MOST_ARRAYS
    for name, shape in listed:
        # In Python's numbers, which do not overflow.
        size = np.dtype(name).itemsize if name in _TYPES else left + 1
        for one in shape:
            size *= one
        if min(shape, default=1) < 0 or size > left:
            raise Garbled
        left -= size
        try:
            arrays.append(np.ndarray(shape, name, read(size)))
        except ValueError as error:  # a shape that numpy does not count, such as one of no elements and of 2^63
            raise Garbled from error
    return fields, arrays
