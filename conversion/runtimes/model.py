"""A model file that a runtime has opened: what every runtime offers, in whichever process it runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from conversion.artefact.contents import Tensor
from training.student.arrays import Array


@dataclass(frozen=True, slots=True)
class Model:
    """An opened file: arrays in, arrays out, in the order and the layout of the file's own inputs and outputs."""

    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    feed: Callable[[Sequence[Array]], None]
    """Takes the inputs."""
    invoke: Callable[[], None]
    """Computes the outputs: this alone is what latency means."""
    results: Callable[[], Sequence[Array]]
    facts: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    """What else the runtime can tell of the file, by name, as JSON has it."""

    def run(self, inputs: Sequence[Array]) -> Sequence[Array]:
        """The outputs for these inputs."""
        self.feed(inputs)
        self.invoke()
        return self.results()


def as_input(array: Array, tensor: Tensor) -> Array:
    """An array in the type of an input, in C order, with the values that it has.

    Raises:
        TypeError: That type does not hold every value of the array's.
    """
    if not np.can_cast(array.dtype, tensor.type, "safe"):
        raise TypeError(f"its input {tensor} does not hold every {array.dtype}")
    return np.ascontiguousarray(array, tensor.type)


NOISE = ("float32", "float16", "uint8", "int8", "int16", "int32")
"""The types of inputs that noise is made for."""


def make_noise(inputs: Sequence[Tensor]) -> list[Array]:
    """The same random inputs of 0 to 255 each time; a batch whose size is open is one.

    Raises:
        ValueError: Another size is open, or an input is of another type than `NOISE` has.
    """
    rng = np.random.default_rng(0)
    made = []
    for tensor in inputs:
        shape = [1 if axis == 0 and not isinstance(size, int) else size for axis, size in enumerate(tensor.shape)]
        if not all(isinstance(size, int) for size in shape) or tensor.type not in NOISE:
            raise ValueError(f"it has the input {tensor}; fix its sizes to time it")
        made.append((rng.random(shape) * 255).astype(tensor.type))  # type: ignore[arg-type]  # all are whole
    return made
