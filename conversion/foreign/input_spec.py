"""What the user says of a model not trained here; what it expects of its image as the first operators of a graph."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.helper import make_node

from training.student.errors import BadInput

LAYOUTS = ("nchw", "nhwc")
Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Expected:
    """How raw RGB of 0 to 255 becomes what the model was trained on.

    Pixels are scaled to the range, 0 to its first number and 255 to its second; then `mean` is subtracted from each
    channel and the rest divided by `std`. Both are in units of the range, and in the model's own order of channels.
    """

    range: tuple[float, float] = (0.0, 255.0)
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    layout: str = "nchw"
    bgr: bool = False

    def __post_init__(self) -> None:
        """Refuse what no image can be scaled to.

        Raises:
            BadInput: A number is not finite, the range is empty, or a std is not positive.
        """
        low, high = self.range
        if not np.isfinite((low, high, *self.mean, *self.std)).all():
            raise BadInput(f"range {self.range}, mean {self.mean} and std {self.std} must be finite numbers")
        if low >= high:
            raise BadInput(f"input range {low:g},{high:g} is empty; expected the smaller number first, such as 0,1")
        if min(self.std) <= 0:
            raise BadInput(f"std {self.std} must be positive; leave it out where nothing is divided")
        if self.layout not in LAYOUTS:
            raise BadInput(f"unknown layout '{self.layout}'; expected {' or '.join(LAYOUTS)}")

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(H, W, 3) raw RGB as the model's own input, as its trainer would write it down."""
        low, high = self.range
        channels = image[:, :, ::-1] if self.bgr else image
        scaled = channels.astype(np.float64) / 255 * (high - low) + low
        normalised = ((scaled - self.mean) / self.std).astype(np.float32)
        batch = normalised if self.layout == "nhwc" else normalised.transpose(2, 0, 1)
        return np.ascontiguousarray(batch[None])

    def fold(self, name: str, to: str) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
        """The same as ONNX, from `name` (1, 3, H, W) to `to`: nodes of opset 7 or newer, and their constants."""
        low, high = self.range
        step = (high - low) / 255
        # (pixel · step + low − mean) / std, as one subtraction and one product: two roundings, as in our own students.
        middle = [(mean - low) / step for mean in self.mean]
        scale = [step / std for std in self.std]
        steps: list[tuple[str, Any, dict[str, Any]]] = []
        if self.bgr:
            # Of zeros and ones, so that it is exact in any precision; a Gather would leave XNNPACK.
            steps.append(("Conv", np.eye(3)[::-1].reshape(3, 3, 1, 1), {}))
        if any(middle):
            steps.append(("Sub", np.reshape(middle, (1, 3, 1, 1)), {}))
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
class Wishes:
    """All that can be said of a model."""

    expected: Expected = Expected()
    size: tuple[int, int] | None = None
    """Rows and columns, where the model leaves them open."""
    output: str | None = None
    """The tensor to give out; the model's only output by default."""
    activation: str | None = None
    """What the output is, one of `ending.ACTIVATIONS`; found from the last operators by default."""
    classes: tuple[str, ...] = ()


def read(
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
) -> Wishes:
    """From the texts of a command line.

    Raises:
        BadInput: One cannot be read; the message names the option.
    """
    low, high = _numbers(input_range, "--input-range", (2,), "LOW,HIGH, such as 0,1 or -1,1")
    expected = Expected((low, high), _triple(mean, "--mean"), _triple(std, "--std"), layout, bgr)
    return Wishes(expected, _size(size) if size else None, output, activation, _classes(classes) if classes else ())


def _triple(text: str, option: str) -> Triple:
    found = _numbers(text, option, (1, 3), "one for all channels, or three as A,B,C")
    first, second, third = found * (3 // len(found))
    return first, second, third


def _numbers(text: str, option: str, counts: tuple[int, ...], form: str) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if len(found) not in counts:
        raise BadInput(f"{option} is '{text}', expected numbers: {form}")
    return found


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise BadInput(f"--size is '{text}', expected HEIGHTxWIDTH in pixels, such as 256x192")
    return int(height), int(width)


def _classes(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) != len(names):
        raise BadInput(f"--classes is '{text}', expected names between commas, none empty and none twice")
    return names
