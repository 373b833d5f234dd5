"""Folds a factor, an offset or a new order of channels into the weights of the convolution before it.

Factors and offsets come from BatchNormalization. The order of channels is where torch's pixel shuffle and TensorFlow's
depth_to_space differ.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from conversion.source.canonical.builder import GraphBuilder
from conversion.source.node import Node
from training.student.arrays import Array


def fold_scale_and_offset(builder: GraphBuilder, outputs: Collection[str]) -> None:
    """Fold a Mul or Add of one number per channel into the Conv or ConvTranspose that it alone reads."""
    uses = Counter(name for node in builder.nodes for name in node.inputs)
    nodes: list[Node] = []
    places: dict[str, int] = {}
    exact: dict[str, tuple[Array, Array]] = {}
    for node in builder.nodes:
        place, value = _operand(node, builder, places)
        conv = nodes[place] if place >= 0 else node
        if value is None or uses[conv.outputs[0]] > 1 or conv.outputs[0] in outputs:
            is_convolution = node.operator in ("Conv", "ConvTranspose")
            if is_convolution and all(name in builder.constants for name in node.inputs[1:]):
                places[node.outputs[0]] = len(nodes)
            nodes.append(node)
            continue
        channels = builder.shapes[conv.outputs[0]][1]
        # In double precision from the first to the last, since there are two steps.
        weights, bias = exact.get(conv.outputs[0]) or _parameters(conv, channels, builder)
        value = np.broadcast_to(value.reshape(-1), (channels,)).astype(np.float64)
        if node.operator == "Mul":
            weights, bias = _scaled(conv, weights, value), bias * value
        else:
            bias = bias + value
        name, dtype = node.outputs[0], builder.dtypes[node.outputs[0]]
        names = (
            builder.add_constant(f"{name}/weights", weights.astype(dtype)),
            builder.add_constant(f"{name}/bias", bias.astype(dtype)),
        )
        nodes[place] = replace(conv, inputs=(conv.inputs[0], *names), outputs=node.outputs)
        places[name], exact[name] = place, (weights, bias)
    builder.nodes = nodes


def fold_channel_order(builder: GraphBuilder, outputs: Collection[str]) -> None:
    """Turn DepthToSpace from CRD into DCR by reordering the channels of the Conv that it alone reads.

    Where DepthToSpace gives a single channel, both modes are the same.
    """
    uses = Counter(name for node in builder.nodes for name in node.inputs)
    places = {node.outputs[0]: place for place, node in enumerate(builder.nodes)}
    nodes = list(builder.nodes)
    for place, node in enumerate(builder.nodes):
        if node.operator != "DepthToSpace" or node.attributes["mode"] != "CRD":
            continue
        (name,), size = node.inputs, node.attributes["blocksize"]
        channels = builder.shapes[name][1]
        if channels > size**2:
            conv = nodes[places[name]] if name in places else node
            is_ours = conv.operator == "Conv" and conv.attributes["group"] == 1 and uses[name] == 1
            if not is_ours or name in outputs or not all(one in builder.constants for one in conv.inputs[1:]):
                continue
            order = np.arange(channels).reshape(-1, size**2).T.reshape(-1)
            parameters = (
                builder.add_constant(f"{one}/by place", builder.constants[one][order]) for one in conv.inputs[1:]
            )
            moved = f"{name}/by place"
            builder.declare(moved, builder.shapes[name], builder.dtypes[name])
            nodes[places[name]] = replace(conv, inputs=(conv.inputs[0], *parameters), outputs=(moved,))
            name = moved
        nodes[place] = replace(node, inputs=(name,), attributes={**node.attributes, "mode": "DCR"})
    builder.nodes = nodes


def _operand(node: Node, builder: GraphBuilder, places: dict[str, int]) -> tuple[int, Array | None]:
    """Where the convolution stands that a Mul or Add reads, and the number per channel that it applies."""
    for name, other in (node.inputs, node.inputs[::-1]) if node.operator in ("Mul", "Add") else ():
        value = builder.constants.get(other)
        if name in places and value is not None:
            shape = builder.shapes[name]
            along = (1,) * (len(shape) - value.ndim) + value.shape
            is_per_channel = len(along) == len(shape) and value.size in (1, along[1])
            return (places[name], value) if is_per_channel else (-1, None)
    return -1, None


def _parameters(conv: Node, channels: int, builder: GraphBuilder) -> tuple[Array, Array]:
    weights = builder.constants[conv.inputs[1]].astype(np.float64)
    bias = builder.constants[conv.inputs[2]].astype(np.float64) if len(conv.inputs) > 2 else np.zeros(channels)
    return weights, bias


def _scaled(conv: Node, weights: Array, factor: Array) -> Array:
    """Weights are (out, in / group, …) for Conv and (in, out / group, …) for ConvTranspose."""
    if conv.operator == "Conv":
        return np.asarray(weights * factor.reshape(-1, *(1,) * (weights.ndim - 1)))
    group, ones = conv.attributes["group"], (1,) * (weights.ndim - 2)
    apart = weights.reshape(group, -1, *weights.shape[1:]) * factor.reshape(group, 1, -1, *ones)
    return np.asarray(apart).reshape(weights.shape)
