"""Run a saved .mlpackage off macOS, operator by operator.

This proves what is in the package: the program, its weights as stored, its image input, its compression. It does
not prove Apple's kernels, which may order sums differently; on macOS, let Core ML itself run it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from conversion.coreml import package
from conversion.coreml.kernels import KERNELS, Kernel
from training.student.errors import BadInput, ConversionRefused

Rounding = Literal["fp32", "fp16"]


@dataclass(frozen=True, slots=True)
class Image:
    """The image input that the package declares."""

    name: str
    height: int
    width: int
    channels: tuple[int, ...]
    """Which of R, G, B each channel of the tensor holds."""


@dataclass(frozen=True, slots=True)
class Name:
    """An argument that an earlier step computes."""

    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """One MIL operator with its arguments by MIL's names: constants, `Name`s, or lists of both."""

    operator: str
    name: str
    kernel: Kernel
    arguments: Mapping[str, Any]
    output: str
    is_half: bool
    """Whether the result is float16 in MIL."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a package computes."""

    image: Image
    outputs: tuple[str, ...]
    steps: tuple[Step, ...]

    def run(self, image: NDArray[np.uint8], *, rounding: Rounding) -> dict[str, NDArray[np.float32]]:
        """The outputs for one image.

        Args:
            image: (H, W, 3) raw RGB of the package's size.
            rounding: `fp16` rounds each result to float16 where MIL's type is float16, as a phone would at best;
                sums inside an operator stay in float32. `fp32` never rounds. What overflows becomes infinite.

        Raises:
            BadInput: The image has another shape or type.
            ConversionRefused: A step's parameters mean something that MIL's documentation leaves open.
        """
        values: dict[str, Any] = {self.image.name: self._tensor(image)}
        with torch.inference_mode():
            for step in self.steps:
                arguments = {name: _filled(argument, values) for name, argument in step.arguments.items()}
                try:
                    result = step.kernel(**arguments)
                except ConversionRefused as error:
                    raise ConversionRefused(f"{step.operator} '{step.name}': {error}") from error
                values[step.output] = result.half().float() if step.is_half and rounding == "fp16" else result
        return {name: values[name].float().numpy() for name in self.outputs}

    def _tensor(self, image: NDArray[np.uint8]) -> Tensor:
        expected = (self.image.height, self.image.width, 3)
        if image.shape != expected or image.dtype != np.uint8:
            raise BadInput(f"image is {image.dtype} of shape {image.shape}, the package expects uint8 {expected}")
        planes = image[..., list(self.image.channels)].transpose(2, 0, 1)[None]
        return torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32))


def load(path: Path) -> Program:
    """Read a saved package back, with its weights.

    Raises:
        BadInput: There is no package at `path`, it is damaged, or it does not take one image.
        ConversionRefused: The program has an operator that has no kernel here; the message names it.
    """
    specification, program = package.read_program(path)
    function = program.functions["main"]
    names = {output.name for output in specification.description.output}
    return Program(
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


def _image(path: Path, specification: Any, function: Any) -> Image:
    inputs = specification.description.input
    if len(inputs) != 1 or inputs[0].type.WhichOneof("Type") != "imageType" or inputs[0].name not in function.inputs:
        found = {entry.name: entry.type.WhichOneof("Type") for entry in inputs}
        raise BadInput(f"{path} takes {found}; expected one image")
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
            f"no kernel for MIL operator {operation.op_type} ('{operation.name}'); known are {', '.join(KERNELS)}: "
            "run the package on macOS, or add the operator to conversion/coreml/kernels.py"
        )
    (output,) = operation.outputs
    return Step(
        operator=operation.op_type,
        name=operation.name,
        kernel=KERNELS[operation.op_type],
        arguments={name: _argument(given) for name, given in operation.inputs.items() if given is not None},
        output=output.name,
        is_half=output.is_tensor_or_scalar_of(dtype="fp16"),
    )


def _argument(given: Any) -> Any:
    """A constant as kernels take it: real numbers as float32 tensors, anything else as Python has it."""
    if isinstance(given, list | tuple):
        return [_argument(item) for item in given]
    if given.op is None or not _is_constant(given.op):
        return Name(given.name)
    value = given.val if given.op.op_type == "const" else given.op.materialized_val_inference()
    array = np.asarray(value)
    return torch.from_numpy(np.array(array, np.float32)) if array.dtype.kind == "f" else array.tolist()


def _filled(argument: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(argument, list):
        return [_filled(item, values) for item in argument]
    return values[argument.name] if isinstance(argument, Name) else argument
