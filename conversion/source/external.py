"""Weights that an ONNX file keeps in files beside it."""

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import onnx

from conversion.source.canonical.validation import dtype_of
from training.student.errors import ConversionRefused


def read_external_data(model: onnx.ModelProto, folder: Path) -> None:
    """Read what the model keeps in files of `folder` into it.

    Raises:
        ConversionRefused: A file is missing or too short, or lies outside the folder: a model must not name files that
            it has no business with.
    """
    for tensor in _tensors(model.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            tensor.raw_data = _data(tensor, folder.resolve())
            tensor.data_location = onnx.TensorProto.DEFAULT
            del tensor.external_data[:]


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    attributes = itertools.chain.from_iterable(node.attribute for node in graph.node)
    return itertools.chain(graph.initializer, *([attribute.t, *attribute.tensors] for attribute in attributes))


def _data(tensor: onnx.TensorProto, folder: Path) -> bytes:
    what = f"tensor '{tensor.name}'"
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    try:
        path = (folder / location).resolve()
        offset = int(entries.get("offset", 0))
        available = path.stat().st_size if path.is_file() else None
    except (ValueError, OSError, RuntimeError) as error:
        raise ConversionRefused(f"{what} names no place in a file: {error}; save the model again") from error
    if not location or not path.is_relative_to(folder):
        raise ConversionRefused(f"{what} lies in '{location}', outside the model's folder; put it beside the model")
    if available is None:
        raise ConversionRefused(f"{what} lies in '{location}', which is missing; put it beside the model, in {folder}")
    size = math.prod(tensor.dims) * dtype_of(tensor.data_type, what).itemsize
    if min(tensor.dims, default=0) < 0 or offset < 0 or offset + size > available:
        raise ConversionRefused(
            f"{what} takes bytes {offset} to {offset + size} of '{location}', which has {available}; fetch it again"
        )
    with path.open("rb") as file:
        file.seek(offset)
        data: bytes = file.read(size)
    return data
