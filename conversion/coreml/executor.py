"""Run a saved .mlpackage off macOS, operator by operator.

This proves what is in the package: the program, its weights as stored, its image input, its compression. It does
not prove Apple's kernels, which may order sums differently; on macOS, let Core ML itself run it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from conversion.coreml import package
from conversion.coreml.kernels import KERNELS, Kernel
from conversion.node import Array
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

    def tensor(self, image: NDArray[np.uint8]) -> Array:
        """The array (1, 3, H, W) that Core ML makes of an image (H, W, 3) of raw RGB.

        Raises:
            BadInput: The image has another shape or type.
        """
        expected = (self.height, self.width, 3)
        if image.shape != expected or image.dtype != np.uint8:
            raise BadInput(f"image is {image.dtype} of shape {image.shape}, the package expects uint8 {expected}")
        return np.ascontiguousarray(image[..., list(self.channels)].transpose(2, 0, 1)[None], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Variable:
    """A tensor of the program."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    is_half: bool
    """Whether it is float16 in MIL; here that is held as float32."""


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
    outputs: tuple[Variable, ...]

    @property
    def reads(self) -> set[str]:
        """The tensors among its arguments."""
        items = (item for given in self.arguments.values() for item in (given if isinstance(given, list) else [given]))
        return {item.name for item in items if isinstance(item, Name)}


@dataclass(frozen=True, slots=True)
class Program:
    """What a package computes."""

    inputs: tuple[Variable, ...]
    image: Image | None
    """Set where the only input is an image."""
    outputs: tuple[str, ...]
    steps: tuple[Step, ...]

    def run(self, image: NDArray[np.uint8], *, rounding: Rounding) -> dict[str, Array]:
        """The outputs for one image.

        Args:
            image: (H, W, 3) raw RGB of the package's size.
            rounding: `fp16` rounds each result to float16 where MIL's type is float16, as a phone would at best;
                sums inside an operator stay in float32. `fp32` never rounds. What overflows becomes infinite.

        Raises:
            BadInput: The package takes no image, or one of another shape or type.
            ConversionRefused: A step's parameters mean something that MIL's documentation leaves open.
        """
        return self.evaluate(self.feeds(image), rounding=rounding)

    def feeds(self, image: NDArray[np.uint8]) -> dict[str, Array]:
        """An image as the input that `evaluate` and `trace` want.

        Raises:
            BadInput: The package takes no image, or one of another shape or type.
        """
        if self.image is None:
            raise BadInput(f"the package takes arrays {', '.join(v.name for v in self.inputs)}, no image")
        return {self.image.name: self.image.tensor(image)}

    def evaluate(self, inputs: Mapping[str, Array], *, rounding: Rounding) -> dict[str, Array]:
        """The outputs for arrays by the names of the package's inputs; an image as Core ML unpacks it, (1, 3, H, W).

        Raises:
            BadInput: An input is missing or unknown, or has another shape or type.
            ConversionRefused: A step's parameters mean something that MIL's documentation leaves open.
        """
        found = {name: value for name, value in self._execute(inputs, rounding) if name in self.outputs}
        return {name: found[name].numpy() for name in self.outputs}

    def trace(self, inputs: Mapping[str, Array], *, rounding: Rounding) -> Iterator[tuple[str, Array]]:
        """Each tensor of the program as it is computed, by name, beginning with the inputs; else as `evaluate`."""
        for name, value in self._execute(inputs, rounding):
            yield name, value.numpy()

    def _execute(self, inputs: Mapping[str, Array], rounding: Rounding) -> Iterator[tuple[str, Tensor]]:
        """No tensor is kept beyond the last step that reads it."""
        values = self._given(inputs, rounding)
        yield from values.items()
        last = {name: index for index, step in enumerate(self.steps) for name in step.reads}
        for index, step in enumerate(self.steps):
            results = _computed(step, values)
            for output, result in zip(step.outputs, results, strict=True):
                values[output.name] = _rounded(result, output, rounding)
                yield output.name, values[output.name]
            for name in (*step.reads, *(output.name for output in step.outputs)):
                if last.get(name, -1) <= index:
                    del values[name]

    def _given(self, inputs: Mapping[str, Array], rounding: Rounding) -> dict[str, Tensor]:
        expected = {variable.name: variable for variable in self.inputs}
        if inputs.keys() != expected.keys():
            raise BadInput(f"inputs are {', '.join(inputs) or 'none'}; the package expects {', '.join(expected)}")
        values = {}
        for name, variable in expected.items():
            value = np.asarray(inputs[name])
            is_alike = (value.dtype.kind == "f") == variable.dtype.is_floating_point
            if value.shape != variable.shape or not is_alike:
                raise BadInput(
                    f"input '{name}' is {value.dtype} of shape {value.shape}, the package expects "
                    f"{variable.dtype} of shape {variable.shape}"
                )
            tensor = torch.from_numpy(np.ascontiguousarray(value).reshape(value.shape)).to(variable.dtype)
            values[name] = _rounded(tensor, variable, rounding)
        return values


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
            f"no kernel for MIL operator {operation.op_type} ('{operation.name}'); known are {', '.join(KERNELS)}: "
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


def _computed(step: Step, values: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    arguments = {name: _filled(argument, values) for name, argument in step.arguments.items()}
    try:
        with torch.inference_mode():
            result = step.kernel(**arguments)
    # What a stranger's program asks for may not fit together, or name a parameter of a newer system.
    except (ConversionRefused, RuntimeError, TypeError, ValueError, IndexError) as error:
        raise ConversionRefused(f"{step.operator} '{step.name}': {error}") from error
    return result if isinstance(result, tuple) else (result,)


def _filled(argument: Any, values: Mapping[str, Tensor]) -> Any:
    if isinstance(argument, list):
        return [_filled(item, values) for item in argument]
    return values[argument.name] if isinstance(argument, Name) else argument


def _rounded(value: Tensor, variable: Variable, rounding: Rounding) -> Tensor:
    return value.half().float() if variable.is_half and rounding == "fp16" else value
