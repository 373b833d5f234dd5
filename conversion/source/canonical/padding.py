"""Pad: amounts before and after every axis."""

import numpy as np

from conversion.source.canonical.builder import GraphBuilder
from conversion.source.node import Node


def pad(node: Node, builder: GraphBuilder) -> None:
    """Pad; amounts and fill are inputs since opset 11, the axes that they are of since 18."""
    x, output = node.inputs[0], node.outputs[0]
    rank = len(builder.shapes[x])
    given, fill, axes = (builder.constant(node, position) for position in (1, 2, 3))
    if given is None:
        given = np.asarray(node.attributes.get("pads", node.attributes.get("paddings", ())))
    pads = np.zeros((2, rank), np.int64)
    pads[:, range(rank) if axes is None else axes.reshape(-1)] = given.reshape(2, -1)
    if not pads.any():
        builder.alias(output, x)
        return
    builder.write(
        "Pad",
        [x],
        output,
        shape=tuple(size + sum(pair) for size, pair in zip(builder.shapes[x], pads.T.tolist(), strict=True)),
        mode=node.attributes.get("mode", "constant"),
        pads=tuple(pads.reshape(-1).tolist()),
        value=float(node.attributes.get("value", 0.0) if fill is None or not fill.size else fill.reshape(-1)[0]),
    )
