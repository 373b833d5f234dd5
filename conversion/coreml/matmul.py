"""Products of matrices: `linear` where one is known, which Core ML runs as a convolution, otherwise `matmul`."""

from conversion.coreml.builder import Emission
from conversion.source.graph import Node


def linear(node: Node, emission: Emission) -> None:
    """MatMul with a known matrix, and an offset for each of its columns."""
    x, bias = emission.read(node.inputs[0]), emission.weights(node, 2)
    weight = emission.weights(node, 1)
    if _is_linear(node, emission):
        emission.write(node, "linear", x=x, weight=weight.T.copy(), bias=bias)
    else:
        emission.write(node, "add", x=emission.intermediate(node, "matmul", x=x, y=weight), y=bias)


def matmul(node: Node, emission: Emission) -> None:
    """MatMul, also of vectors, which MIL wants as matrices."""
    if _is_linear(node, emission):
        emission.write(node, "linear", x=emission.read(node.inputs[0]), weight=emission.weights(node, 1).T.copy())
        return
    a, b = (emission.shape(name) for name in node.inputs)
    x = emission.shaped(node, node.inputs[0], (1, *a) if len(a) == 1 else a)
    y = emission.shaped(node, node.inputs[1], (*b, 1) if len(b) == 1 else b)
    if len(a) > 1 and len(b) > 1:
        emission.write(node, "matmul", x=x, y=y)
    else:
        product = emission.intermediate(node, "matmul", x=x, y=y)
        emission.write(node, "reshape", x=product, shape=list(emission.shape(node.outputs[0])))


def _is_linear(node: Node, emission: Emission) -> bool:
    """Whether the right side is one known matrix, and the left has as many axes as `linear` takes."""
    a, b = (emission.shape(name) for name in node.inputs[:2])
    return len(b) == 2 and node.inputs[1] in emission.graph.constants and 2 <= len(a) <= 3
