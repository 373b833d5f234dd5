"""Checks what a file claims about its tensors before anything is allocated for them."""

import math
from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.helper import tensor_dtype_to_np_dtype

from conversion.source.node import Dtype, Node
from training.student.arrays import Array
from training.student.errors import ConversionRefused

_NUMBERS = {
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.DOUBLE,
    TensorProto.BOOL,
    TensorProto.INT8,
    TensorProto.INT16,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.UINT8,
    TensorProto.UINT16,
    TensorProto.UINT32,
    TensorProto.UINT64,
}

_INT32 = np.iinfo(np.int32)

_MAY_BE_INFINITE = {"Add", "Concat", "Equal", "Expand", "Greater", "Less", "Max", "Min", "Where"}
"""Operators that read an infinity as a mask or a bound."""


def dtype_of(code: int, what: str) -> Dtype:
    """Numpy's type for ONNX's number of it.

    Raises:
        ConversionRefused: It is no type of numbers that numpy has.
    """
    if code not in _NUMBERS:
        known = TensorProto.DataType.values()
        name = TensorProto.DataType.Name(code) if code in known and code else "no tensor of a known type"
        raise ConversionRefused(f"{what} is {name}; expected a tensor of numbers: export the model in float32")
    return tensor_dtype_to_np_dtype(code)


def array_of(tensor: onnx.TensorProto) -> Array:
    """The value of a tensor.

    Raises:
        ConversionRefused: Its data are elsewhere, or not of the shape and type that it claims.
    """
    what = f"tensor '{tensor.name}'"
    dtype = dtype_of(tensor.data_type, what)
    if tensor.data_location == TensorProto.EXTERNAL:
        raise ConversionRefused(f"{what} lies in another file that has not been read; load the model from its folder")
    shape = tuple(tensor.dims)
    try:
        value = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, OverflowError) as error:
        raise ConversionRefused(f"{what} of shape {shape} does not hold that many {dtype}; save it again") from error
    return value


def check_numbers(nodes: Iterable[Node], constants: Mapping[str, Array]) -> None:
    """Check that phones can compute with every number that the nodes read.

    Raises:
        ConversionRefused: One is NaN, infinite, or does not fit into the 32 bits that phones have for integers.
    """
    for node in nodes:
        for name, value in node.attributes.items():
            for number in value if isinstance(value, tuple) else (value,):
                if isinstance(number, float) and math.isnan(number):
                    raise ConversionRefused(f"{node} has {name} NaN; train or export the model again")
                if isinstance(number, int) and not _INT32.min <= number <= _INT32.max:
                    raise ConversionRefused(f"{node} has {name} {number}, beyond the 32 bits that phones have")
        for name in node.inputs:
            if name in constants:
                _check_constant(constants[name], f"{node} reads '{name}', which holds", node.operator)


def _check_constant(value: Array, found: str, operator: str) -> None:
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        if np.isnan(value).any():
            raise ConversionRefused(f"{found} NaN; train or export the model again")
        if operator not in _MAY_BE_INFINITE:
            raise ConversionRefused(f"{found} infinity; train or export the model again")
    if value.dtype.kind in "iu" and value.dtype.itemsize >= 4 and value.size:
        for extreme in (int(value.min()), int(value.max())):
            if not _INT32.min <= extreme <= _INT32.max:
                raise ConversionRefused(f"{found} {extreme}, beyond the 32 bits that phones have; export it as int32")
