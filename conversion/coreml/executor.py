"""Run a saved .mlpackage off macOS, operator by operator.

This proves what is in the package: the program, its weights as stored, its image input, its compression. It does
not prove Apple's kernels, which may order sums differently; on macOS, let Core ML itself run it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from conversion.coreml import package
from conversion.coreml.kernels import KERNELS
from conversion.coreml.program import Image, Name, Program, Rounding, Step, Variable
from training.student.errors import BadInput, ConversionRefused

__all__ = ["Program", "Rounding", "load", "read_metadata"]


def load(path: Path) -> Program:
    """Read a saved package back, with its weights.

    Raises:
        BadInput: There is no package at `path`, it is damaged, or it takes something else than one image or arrays.
        ConversionRefused: The program has an operator that has no kernel here; the message names it.
    """
    specification, program = package.read_program(path)
    function = program.functions["main"]
    names = {output.name for output in specification.description.output}
    return Program(
        inputs=tuple(_variable(variable) for variable in function.inputs.values()),
        image=_image(path, specification, function),
        outputs=tuple(variable.name for variable in function.outputs if variable.name in names),
        steps=tuple(_step(operation) for operation in function.operations if not _is_constant(operation)),
    )


def read_metadata(path: Path) -> dict[str, str]:
    """The user-defined metadata of a package.

    Raises:
        BadInput: There is no package at `path`, or it is damaged.
    """
    return package.read_metadata(path)


_CHANNELS: Mapping[str, tuple[int, ...]] = {"RGB": (0, 1, 2), "BGR": (2, 1, 0)}


def _image(path: Path, specification: Any, function: Any) -> Image | None:
    inputs = specification.description.input
    kinds = {entry.name: entry.type.WhichOneof("Type") for entry in inputs}
    if set(kinds.values()) == {"multiArrayType"} and kinds.keys() == function.inputs.keys():
        return None
    if list(kinds.values()) != ["imageType"] or inputs[0].name not in function.inputs:
        raise BadInput(f"{path} takes {kinds}; expected one image, or arrays")
    described = inputs[0].type.imageType
    colour = described.ColorSpace.Name(described.colorSpace)
    if colour not in _CHANNELS:
        raise BadInput(f"{path} takes an image in {colour}; expected {' or '.join(_CHANNELS)}")
    return Image(inputs[0].name, described.height, described.width, _CHANNELS[colour])


def _is_constant(operation: Any) -> bool:
    # A constexpr_ operator decompresses weights when Core ML loads the package.
    kind: str = operation.op_type
    return kind == "const" or kind.startswith("constexpr_")


def _step(operation: Any) -> Step:
    if operation.op_type not in KERNELS:
        raise ConversionRefused(
            f"no kernel for MIL operator {operation.op_type} ('{operation.name}'); "
            f"known are {', '.join(sorted(KERNELS))}: "
            "run the package on macOS, or add the operator to conversion/coreml/kernels"
        )
    return Step(
        operator=operation.op_type,
        name=operation.name,
        kernel=KERNELS[operation.op_type],
        arguments={
            name: _argument(given, name in _DATA) for name, given in operation.inputs.items() if given is not None
        },
        outputs=tuple(_variable(output) for output in operation.outputs),
    )


_DATA = {"x", "y", "a", "b", "cond", "values", "indices"}
"""The parameters that hold data, also where it is constant and whole; others are settings."""


def _variable(variable: Any) -> Variable:
    is_half = variable.is_tensor_or_scalar_of(dtype="fp16")
    is_real = is_half or variable.is_tensor_or_scalar_of(dtype="fp32")
    is_bool = variable.is_tensor_or_scalar_of(dtype="bool")
    dtype = torch.float32 if is_real else torch.bool if is_bool else torch.int32
    return Variable(variable.name, tuple(variable.shape), dtype, is_half)


def _argument(given: Any, is_data: bool) -> Any:
    """A constant as kernels take it: real numbers as float32 tensors, settings otherwise as Python has them."""
    if isinstance(given, list | tuple):
        return [_argument(item, is_data) for item in given]
    if given.op is None or not _is_constant(given.op):
        return Name(given.name)
    value = given.val if given.op.op_type == "const" else given.op.materialized_val_inference()
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return torch.from_numpy(np.array(array, np.float32))
    if is_data:
        return torch.from_numpy(np.array(array, np.bool_ if array.dtype.kind == "b" else np.int32))
    return array.tolist()
