"""Products of matrices: `linear` where one is known, which Core ML runs as a convolution, otherwise `matmul`."""

from conversion.coreml.builder import Builder
from conversion.source.graph import Node


def linear(node: Node, builder: Builder) -> None:
    """MatMul with a known matrix, and an offset for each of its columns."""
    x, bias = builder.read(node.inputs[0]), builder.required_constant(node, 2)
    weight = builder.required_constant(node, 1)
    if _is_linear(node, builder):
        builder.write(node, "linear", x=x, weight=weight.T.copy(), bias=bias)
    else:
        builder.write(node, "add", x=builder.intermediate(node, "matmul", x=x, y=weight), y=bias)


def matmul(node: Node, builder: Builder) -> None:
    """MatMul, also of vectors, which MIL wants as matrices."""
    if _is_linear(node, builder):
        builder.write(
            node, "linear", x=builder.read(node.inputs[0]), weight=builder.required_constant(node, 1).T.copy()
        )
        return
    a, b = (builder.shape(name) for name in node.inputs)
    x = builder.shaped(node, node.inputs[0], (1, *a) if len(a) == 1 else a)
    y = builder.shaped(node, node.inputs[1], (*b, 1) if len(b) == 1 else b)
    if len(a) > 1 and len(b) > 1:
        builder.write(node, "matmul", x=x, y=y)
    else:
        product = builder.intermediate(node, "matmul", x=x, y=y)
        builder.write(node, "reshape", x=product, shape=list(builder.shape(node.outputs[0])))


def _is_linear(node: Node, builder: Builder) -> bool:
    """Whether the right side is one known matrix, and the left has as many axes as `linear` takes."""
    a, b = (builder.shape(name) for name in node.inputs[:2])
    return len(b) == 2 and node.inputs[1] in builder.constants and 2 <= len(a) <= 3
