"""Operators that only move, repeat or leave out values along some axes."""

from collections.abc import Mapping, Sequence

import numpy as np

from conversion.source.graph import Node
from conversion.tflite import layout
from conversion.tflite.builder import Builder
from conversion.tflite.layout import Order
from training.student.arrays import Array

# XNNPACK takes neither more operands at once nor more parts.
_MOST_OPERANDS = 5
_MOST_PARTS = 4


def transpose(node: Node, builder: Builder) -> None:
    """Transpose: the data stays where it is, its axes get other names."""
    order = builder.order(node.inputs[0])
    index = builder.read(node.inputs[0], order)
    builder.relabel(node.outputs[0], index, layout.transposed(order, node.attributes["perm"]))


def reshape(node: Node, builder: Builder) -> None:
    """Reshape, of what is moved as little as it can be."""
    name, output = node.inputs[0], node.outputs[0]
    order, reshaped = layout.reshaped(builder.shape(name), builder.order(name), builder.shape(output))
    builder.relabel(output, builder.read(name, order), reshaped)


def concat(node: Node, builder: Builder) -> None:
    """Concat; of many operands in several steps."""
    order = builder.order(*node.inputs)
    axis = order.index(node.attributes["axis"])
    parts = [builder.read(name, order) for name in node.inputs]
    if len(parts) > _MOST_OPERANDS:
        parts = [joined(node, parts[:-1], axis, builder), parts[-1]]
    builder.write(node, "CONCATENATION", parts, order, axis=axis)


def joined(node: Node, parts: Sequence[int], axis: int, builder: Builder) -> int:
    """Tensors of the file side by side, in as many steps as XNNPACK wants."""
    whole, *rest = parts
    while rest:
        taken, rest = [whole, *rest[: _MOST_OPERANDS - 1]], rest[_MOST_OPERANDS - 1 :]
        shapes = [builder.shape_in_file(index) for index in taken]
        shape = (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])
        whole = builder.compute(node, "CONCATENATION", taken, shape, axis=axis)
    return whole


def split(node: Node, builder: Builder) -> None:
    """Split as one SPLIT, or where the parts are uneven or many, which XNNPACK does not take, as a SLICE each."""
    name, axis, sizes = node.inputs[0], node.attributes["axis"], node.attributes["split"]
    order = builder.order(name)
    source = builder.read(name, order)
    if len(set(sizes)) == 1 and len(sizes) <= _MOST_PARTS and all(node.outputs):
        place = builder.integers(node, order.index(axis))
        builder.write(node, "SPLIT", [place, source], order, *node.outputs, numSplits=len(sizes))
        return
    ends = np.cumsum(sizes)
    for output, start in zip(node.outputs, ends - sizes, strict=True):
        if output:
            window = _window(node, order, {axis: int(start)}, builder.shape(output), builder)
            builder.write(node, "SLICE", [source, *window], order, output)


def slice_(node: Node, builder: Builder) -> None:
    """Slice as SLICE, or as STRIDED_SLICE where it leaps or runs backwards."""
    name, output = node.inputs[0], node.outputs[0]
    starts, steps, shape = node.attributes["starts"], node.attributes["steps"], builder.shape(output)
    order = builder.order(name)
    source = builder.read(name, order)
    if all(step == 1 for step in steps):
        window = _window(node, order, dict(enumerate(starts)), shape, builder)
        builder.write(node, "SLICE", [source, *window], order)
        return
    ends = [start + step * size for start, step, size in zip(starts, steps, shape, strict=True)]
    bounds = [builder.integers(node, [values[axis] for axis in order]) for values in (starts, ends, steps)]
    # An end in front of the first value cannot be numbered: a negative one counts from the back.
    open_ends = sum(1 << i for i, axis in enumerate(order) if ends[axis] < 0)
    builder.write(node, "STRIDED_SLICE", [source, *bounds], order, endMask=open_ends)


def gather(node: Node, builder: Builder) -> None:
    """Gather; neighbours, or a single one, are a SLICE, which XNNPACK takes."""
    name, output, axis = node.inputs[0], node.outputs[0], node.attributes["axis"]
    order = builder.order(name)
    source = builder.read(name, order)
    if len(node.inputs) > 1:
        indices = builder.read(node.inputs[1], tuple(range(len(builder.shape(node.inputs[1])))))
        rank = len(builder.shape(node.inputs[1]))
        builder.write(node, "GATHER", [source, indices], layout.replaced(order, axis, rank), axis=order.index(axis))
        return
    shape = builder.shape(name)
    chosen: Array = np.asarray(node.attributes["indices"])
    made = layout.replaced(order, axis, chosen.ndim)
    places = chosen.reshape(-1) % shape[axis]
    if not np.array_equal(places, places[0] + np.arange(len(places))):
        indices = builder.integers(node, chosen % shape[axis])
        builder.write(node, "GATHER", [source, indices], made, axis=order.index(axis))
        return
    sliced = (*shape[:axis], len(places), *shape[axis + 1 :])
    window = _window(node, order, {axis: int(places[0])}, sliced, builder)
    found = builder.compute(node, "SLICE", [source, *window], layout.laid_out(sliced, order))
    builder.relabel(output, found, made)


def tile(node: Node, builder: Builder) -> None:
    """Tile."""
    order = builder.order(node.inputs[0])
    repeats = builder.integers(node, [node.attributes["repeats"][axis] for axis in order])
    builder.write(node, "TILE", [builder.read(node.inputs[0], order), repeats], order)


def expand(node: Node, builder: Builder) -> None:
    """Expand that no reader could broadcast by itself."""
    name, output = node.inputs[0], node.outputs[0]
    order = layout.widened(builder.order(name), len(builder.shape(output)))
    shape = builder.integers(node, layout.laid_out(builder.shape(output), order))
    builder.write(node, "BROADCAST_TO", [builder.read(name, order), shape], order)


def depth_to_space(node: Node, builder: Builder) -> None:
    """DepthToSpace; TFLite's takes the place in a block from the slow part of the channels, as mode DCR does."""
    size, source = node.attributes["blocksize"], builder.read(node.inputs[0], layout.CHANNELS_LAST)
    if node.attributes["mode"] == "CRD":
        shape = builder.shape_in_file(source)
        by_place = np.arange(shape[3]).reshape(-1, size * size).T.reshape(-1)
        source = builder.compute(node, "GATHER", [source, builder.integers(node, by_place)], shape, axis=3)
    builder.write(node, "DEPTH_TO_SPACE", [source], layout.CHANNELS_LAST, blockSize=size)


def space_to_depth(node: Node, builder: Builder) -> None:
    """SpaceToDepth."""
    source = builder.read(node.inputs[0], layout.CHANNELS_LAST)
    builder.write(node, "SPACE_TO_DEPTH", [source], layout.CHANNELS_LAST, blockSize=node.attributes["blocksize"])


def _window(
    node: Node, order: Order, starts: Mapping[int, int], shape: Sequence[int], builder: Builder
) -> tuple[int, int]:
    """SLICE's begin, 0 for axes that `starts` leaves out, and size."""
    begin = [starts.get(axis, 0) for axis in order]
    size = [shape[axis] for axis in order]
    return builder.integers(node, begin), builder.integers(node, size)
