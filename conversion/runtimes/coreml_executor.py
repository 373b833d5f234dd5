"""Core ML packages on any machine: the saved program, operator by operator."""

from collections.abc import Sequence
from pathlib import Path

from conversion.artefact.contents import Tensor
from conversion.coreml.executor import Program, Rounding, load
from conversion.coreml.program import Variable
from conversion.runtimes.model import Model, as_input
from training.student.arrays import Array


def open_executor(path: Path, *, rounding: Rounding, every_tensor: bool = False) -> Model:
    """The saved program, executed operator by operator.

    Args:
        path: The package.
        rounding: `fp16` rounds every result to float16 where the program says so; `fp32` never rounds.
        every_tensor: Give every tensor that is computed as an output, and the inputs.
    """
    return wrap_program(load(path), rounding, every_tensor=every_tensor)


def wrap_program(program: Program, rounding: Rounding, *, every_tensor: bool = False) -> Model:
    """A loaded program; an input that is an image is (height, width, 3) uint8 RGB."""
    variables = {one.name: one for one in (*program.inputs, *(one for step in program.steps for one in step.outputs))}
    outputs = [_described(variables[name]) for name in (variables if every_tensor else program.outputs)]
    if program.image is None:
        inputs = [_described(variable) for variable in program.inputs]
    else:
        inputs = [Tensor(program.image.name, (program.image.height, program.image.width, 3), "uint8")]
    compute = program.trace if every_tensor else program.evaluate
    fed: dict[str, Array] = {}
    found: dict[str, Array] = {}

    def feed(arrays: Sequence[Array]) -> None:
        if program.image is None:
            fed.update((tensor.name, as_input(array, tensor)) for tensor, array in zip(inputs, arrays, strict=True))
        else:
            (image,) = arrays
            fed.update(program.feeds(image))

    def invoke() -> None:
        found.update(compute(fed, rounding=rounding))

    return Model(inputs, outputs, feed, invoke, lambda: [found[tensor.name] for tensor in outputs])


def _described(variable: Variable) -> Tensor:
    return Tensor(variable.name, variable.shape, str(variable.dtype).removeprefix("torch."))
