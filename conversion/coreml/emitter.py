"""From the typed graph to a Core ML package, through coremltools' MIL builder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from conversion.coreml import package
from conversion.coreml.emission import Emission
from conversion.coreml.operators import OPERATORS
from conversion.coreml.toolbox import load_coremltools, quiet
from conversion.graph import Graph
from training.student.aside import written_aside
from training.student.errors import BadInput, ConversionRefused

Precision = Literal["fp32", "fp16"]

TARGET = "iOS15"
"""The oldest system with ML programs; every operator of the table exists there."""


def emit(graph: Graph, destination: Path, *, precision: Precision, metadata: Mapping[str, str]) -> None:
    """Write `graph` as an ML program that reads an RGB image.

    The input, an image of raw 0 to 255, and the outputs, float32 arrays of the graph's own shapes, keep their names.
    With fp16, weights and arithmetic are float16. The same graph gives the same bytes.

    Args:
        graph: With one input (1, 3, H, W).
        destination: Ends in `.mlpackage`; replaced when it exists.
        precision: Of weights and arithmetic.
        metadata: User-defined metadata of the package, such as the contract.

    Raises:
        ConversionRefused: Core ML cannot express an operator or attribute, which the message names.
        BadInput: The destination cannot be written to.
    """
    if destination.suffix != ".mlpackage":
        raise BadInput(f"'{destination.name}' must end in .mlpackage")
    if precision not in PRECISIONS:
        raise BadInput(f"unknown precision '{precision}' of Core ML; expected {' or '.join(PRECISIONS)}")
    _refuse_unknown(graph)
    _refuse_other_inputs(graph)
    ct = load_coremltools()
    emission = Emission(graph, ct.converters.mil.Builder)
    image = emission.name(graph.inputs[0])
    with quiet():
        model = ct.convert(
            _program(emission, image),
            source="milinternal",
            convert_to="mlprogram",
            inputs=[ct.ImageType(name=image, shape=graph.shapes[graph.inputs[0]], color_layout=ct.colorlayout.RGB)],
            minimum_deployment_target=ct.target[TARGET],
            compute_precision=ct.precision[PRECISIONS[precision]],
            skip_model_load=True,
        )
    with written_aside(destination) as temporary:
        package.save(model, temporary, metadata=metadata)


PRECISIONS: Mapping[str, str] = {"fp32": "FLOAT32", "fp16": "FLOAT16"}
"""Ours to coremltools' own."""


def _refuse_unknown(graph: Graph) -> None:
    unknown = sorted({node.operator for node in graph.nodes} - OPERATORS.keys())
    if unknown:
        first = next(node for node in graph.nodes if node.operator in unknown)
        raise ConversionRefused(
            f"no Core ML form of {', '.join(unknown)} (first at {first}); known are {', '.join(OPERATORS)}: "
            "replace it in the model, or add it to conversion/coreml/operators.py"
        )


def _refuse_other_inputs(graph: Graph) -> None:
    found = {name: graph.shapes[name] for name in graph.inputs}
    if [shape[:2] for shape in found.values()] != [(1, 3)] or any(len(shape) != 4 for shape in found.values()):
        raise ConversionRefused(f"inputs are {found}; expected one RGB image of shape (1, 3, H, W)")


def _program(emission: Emission, image: str) -> Any:
    """The MIL program of a graph."""
    ct = load_coremltools()
    graph = emission.graph
    (tensor,) = graph.inputs
    placeholder = ct.converters.mil.Builder.placeholder(shape=graph.shapes[tensor])
    function = ct.converters.mil.Function({image: placeholder}, opset_version=ct.target[TARGET])
    with function:
        emission.declare(tensor, function.inputs[image])
        for node in graph.nodes:
            OPERATORS[node.operator](node, emission)
        function.set_outputs(emission.outputs())
    program = ct.converters.mil.Program()
    program.add_function("main", function)
    return program
