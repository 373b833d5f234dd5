"""Products of matrices."""

from conversion.source.canonical.builder import Draft
from conversion.source.node import Node


def matmul(node: Node, draft: Draft) -> None:
    """MatMul."""
    draft.write("MatMul", node.inputs, node.outputs)


def gemm(node: Node, draft: Draft) -> None:
    """Gemm: alpha · A B + beta · C, with A and B turned where it says so."""
    a, b, c = (*node.inputs, "")[:3]
    a = draft.transpose(a, (1, 0)) if node.attributes.get("transA", 0) else a
    b = draft.transpose(b, (1, 0)) if node.attributes.get("transB", 0) else b
    alpha, beta = (node.attributes.get(name, 1.0) for name in ("alpha", "beta"))
    output = node.outputs[0]
    scaled = alpha != 1
    # Numbers go into constants where there are some.
    if scaled and b in draft.constants:
        b, scaled = draft.binary("Mul", b, alpha), False
    shape = draft.shapes[output]
    product = draft.write("MatMul", [a, b], output if not (scaled or c) else "", shape=shape)
    if scaled:
        product = draft.binary("Mul", product, alpha, output if not c else "")
    if c:
        draft.binary("Add", product, draft.binary("Mul", c, beta) if beta != 1 else c, output)
