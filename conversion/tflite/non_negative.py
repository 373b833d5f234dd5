"""Which tensors are known never to be negative, by the operators that make them."""

from conversion.source.graph import Graph, Node
from conversion.tflite import fusion

_ALWAYS = {"Abs", "Exp", "HardSigmoid", "Relu", "Sigmoid", "Softmax", "Softplus", "Sqrt"}
# Each value of the output is some input value, a mean of several, a sum or a product.
_WHERE_ALL_INPUTS_ARE = {
    "Add",
    "AveragePool",
    "Concat",
    "Identity",
    "MaxPool",
    "Mul",
    "ReduceMax",
    "ReduceMean",
    "Reshape",
    "Resize",
    "Slice",
    "Split",
    "Transpose",
}
_CLIPPED_AT_ZERO = {"RELU", "RELU6"}


def non_negative(graph: Graph) -> frozenset[str]:
    """The computed and constant tensors whose every value is at least 0, whatever the input."""
    known = {name for name, value in graph.constants.items() if value.dtype.kind in "fiu" and (value >= 0).all()}
    for node in graph.nodes:
        if _is_non_negative(node, known):
            known.update(node.outputs)
    return frozenset(known)


def _is_non_negative(node: Node, known: set[str]) -> bool:
    if node.attributes.get(fusion.ATTRIBUTE) in _CLIPPED_AT_ZERO or node.operator in _ALWAYS:
        return True
    if node.operator == "Clip":
        low, high = fusion.bounds(node)
        return high >= 0 and (low >= 0 or node.inputs[0] in known)
    if node.operator not in _WHERE_ALL_INPUTS_ARE:
        return False
    # A cubic resize overshoots.
    return all(name in known for name in node.inputs) and node.attributes.get("mode") != "cubic"
