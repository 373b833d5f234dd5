"""A MIL program as it is executed: its inputs, its steps, and how tensors go through them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from conversion.coreml.kernels import Kernel
from training.student.arrays import Array
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


def _computed(step: Step, values: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    arguments = {name: _filled(argument, values) for name, argument in step.arguments.items()}
    try:
        with torch.inference_mode():
            result = step.kernel(**arguments)
    # Arguments in a program that we did not write may not fit together, or name a parameter of a newer system.
    except (ConversionRefused, RuntimeError, TypeError, ValueError, IndexError) as error:
        raise ConversionRefused(f"{step.operator} '{step.name}': {error}") from error
    return result if isinstance(result, tuple) else (result,)


def _filled(argument: Any, values: Mapping[str, Tensor]) -> Any:
    if isinstance(argument, list):
        return [_filled(item, values) for item in argument]
    return values[argument.name] if isinstance(argument, Name) else argument


def _rounded(value: Tensor, variable: Variable, rounding: Rounding) -> Tensor:
    return value.half().float() if variable.is_half and rounding == "fp16" else value
