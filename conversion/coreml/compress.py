"""Smaller Core ML packages made from an fp16 one by coremltools: weights in 8, 6 or 4 bits, arithmetic still float16.

Core ML restores the weights when it loads the package, which takes iOS 16. Depthwise kernels stay float16: they are
a few percent of the weights and do most of the harm. Other weights below `SMALLEST` numbers stay for the same reason.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.coreml import package
from conversion.coreml.palette import palette
from conversion.coreml.toolbox import load_coremltools, quiet
from training.student.atomic_write import atomic_path

SMALLEST = 2048
"""Numbers in a weight; the default of coremltools, too."""

VERSION = 7
"""Of the specification: iOS 16."""


def _linear(optimize: Any) -> tuple[str, Any]:
    """Int8 with one scale an output channel."""
    rule = optimize.OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8", weight_threshold=SMALLEST)
    return "linear_quantize_weights", rule


def _palette(bits: int) -> Callable[[Any], tuple[str, Any]]:
    """A table of 2 ** bits values for each weight, and indices into it."""

    def rule(optimize: Any) -> tuple[str, Any]:
        def table(weight: NDArray[np.floating[Any]]) -> tuple[NDArray[Any], NDArray[np.uint8]]:
            values, indices = palette(weight, 2**bits)
            return values.astype(weight.dtype), indices

        found = optimize.OpPalettizerConfig(mode="custom", lut_function=table, weight_threshold=SMALLEST)
        return "palettize_weights", found

    return rule


_RULES: Mapping[str, Callable[[Any], tuple[str, Any]]] = MappingProxyType(
    {"w8": _linear, "p6": _palette(6), "p4": _palette(4)}
)


def layers(source: Path) -> dict[str, list[str]]:
    """The weights of an fp16 package that compression takes, each with the operators that read it."""
    _, program = package.read_program(source)
    return {weight.name: [reader.name for reader in weight.outputs[0].child_ops] for weight in _weights(program)}


def compress(source: Path, destination: Path, precision: str, kept: Collection[str] = ()) -> None:
    """Write an fp16 package with smaller weights; its description comes along, and the same gives the same bytes.

    Args:
        source: As the emitter writes it in fp16.
        destination: Ends in `.mlpackage`; replaced when it exists.
        precision: A key of the rules above.
        kept: Weights that stay float16, by the names that `layers` gives.
    """
    optimize = load_coremltools().optimize.coreml
    from coremltools.converters.mil.mil.passes.graph_pass import PassOption
    from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY

    specification, program = package.read_program(source, VERSION)
    name, rule = _RULES[precision](optimize)
    chosen = {weight.name: rule for weight in _weights(program) if weight.name not in kept}
    run = PASS_REGISTRY[f"compression::{name}"]
    run.set_options([PassOption("config", optimize.OptimizationConfig(op_name_configs=chosen))])
    with quiet():
        run.apply(program)
    with atomic_path(destination) as temporary:
        package.write(program, temporary, specification.description, VERSION)


def _weights(program: Any) -> list[Any]:
    """The constants of a program that compression takes, in the order of execution."""
    constants = [operation for operation in program.functions["main"].operations if operation.op_type == "const"]
    return [one for one in constants if isinstance(one.val.val, np.ndarray) and _is_taken(one.val.val)]


def _is_taken(weight: NDArray[Any]) -> bool:
    is_depthwise = weight.ndim == 4 and weight.shape[1] == 1
    return weight.dtype.kind == "f" and weight.size > SMALLEST and not is_depthwise
