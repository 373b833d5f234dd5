"""Describes a model that was not trained here: what its input must look like, and what its output is.

`InputSpec` turns the expected normalisation into ONNX operators, so that the converted model takes raw RGB.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.helper import make_node

from training.student.errors import BadInput

LAYOUTS = ("nchw", "nhwc")
PerChannel = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The input that a model expects, and so how to make it from raw RGB of 0 to 255.

    Pixels are scaled linearly to `range`: 0 becomes its first number and 255 its second. Then `mean` is subtracted from
    each channel and the result is divided by `std`. Both are in units of `range` and in the model's own channel order.
    """

    range: tuple[float, float] = (0.0, 255.0)
    mean: PerChannel = (0.0, 0.0, 0.0)
    std: PerChannel = (1.0, 1.0, 1.0)
    layout: str = "nchw"
    bgr: bool = False

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            BadInput: A number is not finite, the range is empty, or a std is not positive.
        """
        low, high = self.range
        if not np.isfinite((low, high, *self.mean, *self.std)).all():
            raise BadInput(f"range {self.range}, mean {self.mean} and std {self.std} must be finite numbers")
        if low >= high:
            raise BadInput(f"input range {low:g},{high:g} is empty; expected the smaller number first, such as 0,1")
        if min(self.std) <= 0:
            raise BadInput(f"std {self.std} must be positive; leave --std out if the model does not divide")
        if self.layout not in LAYOUTS:
            raise BadInput(f"unknown layout '{self.layout}'; expected {' or '.join(LAYOUTS)}")

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Prepare a (H, W, 3) raw RGB image in numpy: (1, 3, H, W), or (1, H, W, 3) where the layout is `nhwc`."""
        low, high = self.range
        channels = image[:, :, ::-1] if self.bgr else image
        scaled = channels.astype(np.float64) / 255 * (high - low) + low
        normalised = ((scaled - self.mean) / self.std).astype(np.float32)
        batch = normalised if self.layout == "nhwc" else normalised.transpose(2, 0, 1)
        return np.ascontiguousarray(batch[None])

    def as_nodes(self, name: str, to: str) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
        """The same as `apply`, as ONNX nodes of opset 7 or newer, with their constants.

        Args:
            name: The tensor that the nodes read: raw RGB, (1, 3, H, W) float32.
            to: The tensor that they write.
        """
        low, high = self.range
        step = (high - low) / 255
        # (pixel · step + low − mean) / std, as one subtraction and one product: two roundings, as in our own students.
        # So `offset` is in units of a pixel's level.
        offset = [(mean - low) / step for mean in self.mean]
        scale = [step / std for std in self.std]
        steps: list[tuple[str, Any, dict[str, Any]]] = []
        if self.bgr:
            # Its weights are zeros and ones, so it is exact in any precision. XNNPACK does not run a Gather.
            steps.append(("Conv", np.eye(3)[::-1].reshape(3, 3, 1, 1), {}))
        if any(offset):
            steps.append(("Sub", np.reshape(offset, (1, 3, 1, 1)), {}))
        if any(value != 1 for value in scale):
            steps.append(("Mul", np.reshape(scale, (1, 3, 1, 1)), {}))
        if self.layout == "nhwc":
            steps.append(("Transpose", None, {"perm": [0, 2, 3, 1]}))
        nodes, constants = [], []
        for operator, value, attributes in steps or [("Identity", None, {})]:
            inputs = [name]
            if value is not None:
                inputs.append(f"{to}/{operator.lower()}_by")
                constants.append(numpy_helper.from_array(value.astype(np.float32), inputs[1]))
            name = f"{to}/{operator.lower()}"
            nodes.append(make_node(operator, inputs, [name], name=name, **attributes))
        nodes[-1].output[0] = to
        return nodes, constants


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What the user says about a model."""

    input: InputSpec = InputSpec()
    size: tuple[int, int] | None = None
    """(height, width) of the input, for a model with a dynamic size."""
    output: str | None = None
    """The name of the output tensor; None: the model's only output."""
    activation: str | None = None
    """What the output is, one of `output_activation.ACTIVATIONS`; None: found from the last operators."""
    classes: tuple[str, ...] = ()
    """Names of the classes; empty: `foreground`, or `class 0`, `class 1`, …"""


def parse_model_spec(
    *,
    input_range: str,
    mean: str,
    std: str,
    bgr: bool,
    layout: str,
    size: str | None,
    output: str | None,
    activation: str | None,
    classes: str,
) -> ModelSpec:
    """Read the options of the command line.

    Raises:
        BadInput: An option cannot be read; the message names it.
    """
    low, high = _parse_numbers(input_range, "--input-range", (2,), "LOW,HIGH, such as 0,1 or -1,1")
    expected_input = InputSpec((low, high), _per_channel(mean, "--mean"), _per_channel(std, "--std"), layout, bgr)
    fixed_size = _parse_size(size) if size else None
    return ModelSpec(expected_input, fixed_size, output, activation, _parse_classes(classes) if classes else ())


def _per_channel(text: str, option: str) -> PerChannel:
    numbers = _parse_numbers(text, option, (1, 3), "one for all channels, or three as A,B,C")
    first, second, third = numbers * (3 // len(numbers))
    return first, second, third


def _parse_numbers(text: str, option: str, counts: tuple[int, ...], form: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in counts:
        raise BadInput(f"{option} is '{text}', expected numbers: {form}")
    return numbers


def _parse_size(text: str) -> tuple[int, int]:
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise BadInput(f"--size is '{text}', expected HEIGHTxWIDTH in pixels, such as 256x192")
    return int(height), int(width)


def _parse_classes(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) != len(names):
        raise BadInput(f"--classes is '{text}', expected names between commas, none empty and none twice")
    return names
