"""Products of matrices."""

from conversion.source.canonical.builder import GraphBuilder
from conversion.source.node import Node


def matmul(node: Node, builder: GraphBuilder) -> None:
    """MatMul."""
    builder.write("MatMul", node.inputs, node.outputs)


def gemm(node: Node, builder: GraphBuilder) -> None:
    """Gemm: alpha · A B + beta · C, with A and B turned where it says so."""
    a, b, c = (*node.inputs, "")[:3]
    a = builder.transpose(a, (1, 0)) if node.attributes.get("transA", 0) else a
    b = builder.transpose(b, (1, 0)) if node.attributes.get("transB", 0) else b
    alpha, beta = (node.attributes.get(name, 1.0) for name in ("alpha", "beta"))
    output = node.outputs[0]
    scaled = alpha != 1
    # Numbers go into constants where there are some.
    if scaled and b in builder.constants:
        b, scaled = builder.binary("Mul", b, alpha), False
    shape = builder.shapes[output]
    product = builder.write("MatMul", [a, b], output if not (scaled or c) else "", shape=shape)
    if scaled:
        product = builder.binary("Mul", product, alpha, output if not c else "")
    if c:
        builder.binary("Add", product, builder.binary("Mul", c, beta) if beta != 1 else c, output)
