"""The typed graph as a TFLite flatbuffer, without TensorFlow."""

from collections.abc import Mapping

from conversion.artefact.metadata import describe_model, read_contract
from conversion.source.graph import Graph
from conversion.tflite import fusion, mediapipe
from conversion.tflite.builder import Builder
from conversion.tflite.layout import Order
from conversion.tflite.operators import OPERATORS
from training.student.errors import BadInput, ConversionRefused

PRECISIONS = ("fp32", "fp16")


def emit(graph: Graph, *, precision: str = "fp32", metadata: Mapping[str, str]) -> bytes:
    """A TFLite file that computes what the graph computes.

    Inputs and outputs keep their names and are float32; a rank-4 one is (N, H, W, C). The same graph gives the
    same bytes.

    Args:
        graph: As `conversion.source.graph.read_graph` gives it.
        precision: `fp32`, or `fp16` to store convolution weights in half the space.
        metadata: Texts to carry along, by name. With a contract among them the file also says in MediaPipe's own words
            what to do before and after the model.

    Raises:
        BadInput: The precision is unknown.
        ConversionRefused: An operator is missing here, or TFLite cannot express an attribute; nothing is approximated.
    """
    if precision not in PRECISIONS:
        raise BadInput(f"unknown precision '{precision}'; expected one of {', '.join(PRECISIONS)}")
    builder = _written(graph, is_half=precision == "fp16")
    entries = {name: text.encode() for name, text in metadata.items()}
    if (contract := read_contract(metadata)) is None:
        return builder.to_bytes(entries)
    entries[mediapipe.ENTRY] = mediapipe.metadata(contract, describe_model(graph.metadata, contract))
    return mediapipe.with_labels(builder.to_bytes(entries), contract.classes)


def orders(graph: Graph) -> dict[str, Order]:
    """For each tensor of `graph` that its file holds under its own name: which axis lies where, as `layout` has it."""
    return _written(graph, is_half=False).orders()


def _written(graph: Graph, *, is_half: bool) -> Builder:
    graph = fusion.fused(graph)
    missing = {node.operator: node for node in reversed(graph.nodes) if node.operator not in OPERATORS}
    if missing:
        found = ", ".join(str(missing[operator]) for operator in sorted(missing))
        raise ConversionRefused(f"no TFLite form is known of {found}; known are {', '.join(OPERATORS)}")
    builder = Builder(graph, is_half=is_half)
    for node in graph.nodes:
        entry = OPERATORS[node.operator]
        for name in node.inputs:
            if graph.dtypes[name].kind not in entry.kinds:
                raise builder.refusal(node, f"'{name}' of type", graph.dtypes[name], "cast it to float32 first")
        entry.emit(node, builder)
    return builder
