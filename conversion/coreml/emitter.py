"""From the typed graph to a Core ML package, through coremltools' MIL builder.

None of coremltools' passes is run: the graph is already in canonical form, and the program is written in the precision
that it shall have. Converting through `coremltools.convert` took ten times as long and changed nothing that we need.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np

from conversion.coreml import package
from conversion.coreml.builder import KINDS, LARGEST_RANK, Builder, Precision
from conversion.coreml.description import describe
from conversion.coreml.fusion import fused
from conversion.coreml.operators import OPERATORS
from conversion.coreml.toolbox import load_coremltools, quiet
from conversion.source.graph import Graph
from training.student.atomic_write import atomic_path
from training.student.errors import BadInput, ConversionRefused

TARGET = "iOS15"
"""The oldest system with ML programs; every operator of the table exists there."""


def emit(
    graph: Graph,
    destination: Path,
    *,
    precision: Precision,
    metadata: Mapping[str, str],
    image: bool = True,
    single: Collection[str] = (),
) -> None:
    """Write `graph` as an ML program.

    Inputs and outputs keep their names, where Core ML allows them, and the graph's own shapes; outputs are float32
    or int32, which also stands for int64 and bool. With fp16, weights and arithmetic are float16. The same graph
    gives the same bytes.

    Args:
        graph: With one input (1, 3, H, W) where `image` is asked for.
        destination: Ends in `.mlpackage`; replaced when it exists.
        precision: Of weights and arithmetic.
        metadata: User-defined metadata of the package. With a contract among them, the package also says what goes in
            and comes out, and how Xcode is to preview it.
        image: Whether the input is an RGB image of raw 0 to 255; otherwise inputs are float32 or int32 arrays.
        single: Names of tensors whose operators stay in float32.

    Raises:
        ConversionRefused: Core ML cannot express an operator or attribute, which the message names.
        BadInput: The destination cannot be written to.
    """
    if destination.suffix != ".mlpackage":
        raise BadInput(f"'{destination.name}' must end in .mlpackage")
    if precision not in get_args(Precision):
        raise BadInput(f"unknown precision '{precision}' of Core ML; expected {' or '.join(get_args(Precision))}")
    graph = fused(graph)
    _refuse_unknown(graph)
    _refuse_inputs(graph, image)
    with quiet():
        program = _program(Builder(graph, precision=precision, single=single))
        main = program.functions["main"]
        described = describe(main, image=image, metadata=metadata, properties=graph.metadata)
        with atomic_path(destination) as temporary:
            package.write(program, temporary, described)


def _refuse_unknown(graph: Graph) -> None:
    unknown = sorted({node.operator for node in graph.nodes} - OPERATORS.keys())
    if unknown:
        first = next(node for node in graph.nodes if node.operator in unknown)
        raise ConversionRefused(
            f"no Core ML form of {', '.join(unknown)} (first at {first}); known are {', '.join(OPERATORS)}: "
            "replace it in the model, or add it to conversion/coreml/operators.py"
        )


def _refuse_inputs(graph: Graph, image: bool) -> None:
    found = {name: graph.shapes[name] for name in graph.inputs}
    is_rgb = all(len(shape) == 4 and shape[:2] == (1, 3) for shape in found.values())
    if image and not (len(found) == 1 and is_rgb and graph.dtypes[graph.inputs[0]] == np.float32):
        kinds = ", ".join(graph.dtypes[name].name for name in found) or "none"
        raise ConversionRefused(f"inputs are {found}, {kinds}; expected one RGB image of shape (1, 3, H, W), float32")
    for name in (*graph.inputs, *graph.outputs):
        shape, dtype = graph.shapes[name], graph.dtypes[name]
        if dtype.name not in KINDS or not 1 <= len(shape) <= LARGEST_RANK or 0 in shape:
            raise ConversionRefused(
                f"'{name}' is {dtype} of shape {shape}; Core ML's inputs and outputs have 1 to {LARGEST_RANK} axes, "
                f"none empty, and hold {', '.join(KINDS)}"
            )


def _program(builder: Builder) -> Any:
    """The MIL program of a graph."""
    ct = load_coremltools()
    mil, types = ct.converters.mil, ct.converters.mil.mil.types
    graph = builder.graph
    placeholders = {
        name: mil.Builder.placeholder(
            shape=graph.shapes[tensor], dtype=types.fp32 if builder.is_real(tensor) else types.int32
        )
        for tensor, name in builder.inputs.items()
    }
    function = mil.Function(placeholders, opset_version=ct.target[TARGET])
    with function:
        for tensor, name in builder.inputs.items():
            builder.declare(tensor, function.inputs[name])
        for node in graph.nodes:
            OPERATORS[node.operator](node, builder)
        function.set_outputs(builder.outputs())
    program = mil.Program()
    program.add_function("main", function)
    return program
