"""Operators that only move, repeat or leave out values along some axes."""

from collections.abc import Mapping, Sequence

import numpy as np

from conversion.source.graph import Node
from conversion.tflite import layout
from conversion.tflite.builder import Array, Emission
from conversion.tflite.layout import Order

# XNNPACK takes neither more operands at once nor more parts.
_MOST_OPERANDS = 5
_MOST_PARTS = 4


def transpose(node: Node, emission: Emission) -> None:
    """Transpose: the data stays where it is, its axes get other names."""
    order = emission.order(node.inputs[0])
    index = emission.read(node.inputs[0], order)
    emission.relabel(node.outputs[0], index, layout.transposed(order, node.attributes["perm"]))


def reshape(node: Node, emission: Emission) -> None:
    """Reshape, of what is moved as little as it can be."""
    name, output = node.inputs[0], node.outputs[0]
    order, reshaped = layout.reshaped(emission.shape(name), emission.order(name), emission.shape(output))
    emission.relabel(output, emission.read(name, order), reshaped)


def concat(node: Node, emission: Emission) -> None:
    """Concat; of many operands in several steps."""
    order = emission.order(*node.inputs)
    axis = order.index(node.attributes["axis"])
    parts = [emission.read(name, order) for name in node.inputs]
    if len(parts) > _MOST_OPERANDS:
        parts = [joined(node, parts[:-1], axis, emission), parts[-1]]
    emission.write(node, "CONCATENATION", parts, order, axis=axis)


def joined(node: Node, parts: Sequence[int], axis: int, emission: Emission) -> int:
    """Tensors of the file side by side, in as many steps as XNNPACK wants."""
    whole, *rest = parts
    while rest:
        taken, rest = [whole, *rest[: _MOST_OPERANDS - 1]], rest[_MOST_OPERANDS - 1 :]
        shapes = [emission.shape_in_file(index) for index in taken]
        shape = (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])
        whole = emission.compute(node, "CONCATENATION", taken, shape, axis=axis)
    return whole


def split(node: Node, emission: Emission) -> None:
    """Split as one SPLIT, or where the parts are uneven or many, which XNNPACK does not take, as a SLICE each."""
    name, axis, sizes = node.inputs[0], node.attributes["axis"], node.attributes["split"]
    order = emission.order(name)
    source = emission.read(name, order)
    if len(set(sizes)) == 1 and len(sizes) <= _MOST_PARTS and all(node.outputs):
        place = emission.integers(node, order.index(axis))
        emission.write(node, "SPLIT", [place, source], order, *node.outputs, numSplits=len(sizes))
        return
    ends = np.cumsum(sizes)
    for output, start in zip(node.outputs, ends - sizes, strict=True):
        if output:
            window = _window(node, order, {axis: int(start)}, emission.shape(output), emission)
            emission.write(node, "SLICE", [source, *window], order, output)


def slice_(node: Node, emission: Emission) -> None:
    """Slice as SLICE, or as STRIDED_SLICE where it leaps or runs backwards."""
    name, output = node.inputs[0], node.outputs[0]
    starts, steps, shape = node.attributes["starts"], node.attributes["steps"], emission.shape(output)
    order = emission.order(name)
    source = emission.read(name, order)
    if all(step == 1 for step in steps):
        window = _window(node, order, dict(enumerate(starts)), shape, emission)
        emission.write(node, "SLICE", [source, *window], order)
        return
    ends = [start + step * size for start, step, size in zip(starts, steps, shape, strict=True)]
    bounds = [emission.integers(node, [values[axis] for axis in order]) for values in (starts, ends, steps)]
    # An end in front of the first value cannot be numbered: a negative one counts from the back.
    open_ends = sum(1 << i for i, axis in enumerate(order) if ends[axis] < 0)
    emission.write(node, "STRIDED_SLICE", [source, *bounds], order, endMask=open_ends)


def gather(node: Node, emission: Emission) -> None:
    """Gather; neighbours, or a single one, are a SLICE, which XNNPACK takes."""
    name, output, axis = node.inputs[0], node.outputs[0], node.attributes["axis"]
    order = emission.order(name)
    source = emission.read(name, order)
    if len(node.inputs) > 1:
        indices = emission.read(node.inputs[1], tuple(range(len(emission.shape(node.inputs[1])))))
        rank = len(emission.shape(node.inputs[1]))
        emission.write(node, "GATHER", [source, indices], layout.replaced(order, axis, rank), axis=order.index(axis))
        return
    shape = emission.shape(name)
    chosen: Array = np.asarray(node.attributes["indices"])
    made = layout.replaced(order, axis, chosen.ndim)
    places = chosen.reshape(-1) % shape[axis]
    if not np.array_equal(places, places[0] + np.arange(len(places))):
        indices = emission.integers(node, chosen % shape[axis])
        emission.write(node, "GATHER", [source, indices], made, axis=order.index(axis))
        return
    sliced = (*shape[:axis], len(places), *shape[axis + 1 :])
    window = _window(node, order, {axis: int(places[0])}, sliced, emission)
    found = emission.compute(node, "SLICE", [source, *window], layout.laid_out(sliced, order))
    emission.relabel(output, found, made)


def tile(node: Node, emission: Emission) -> None:
    """Tile."""
    order = emission.order(node.inputs[0])
    repeats = emission.integers(node, [node.attributes["repeats"][axis] for axis in order])
    emission.write(node, "TILE", [emission.read(node.inputs[0], order), repeats], order)


def expand(node: Node, emission: Emission) -> None:
    """Expand that no reader could broadcast by itself."""
    name, output = node.inputs[0], node.outputs[0]
    order = layout.widened(emission.order(name), len(emission.shape(output)))
    shape = emission.integers(node, layout.laid_out(emission.shape(output), order))
    emission.write(node, "BROADCAST_TO", [emission.read(name, order), shape], order)


def depth_to_space(node: Node, emission: Emission) -> None:
    """DepthToSpace; TFLite's takes the place in a block from the slow part of the channels, as mode DCR does."""
    size, source = node.attributes["blocksize"], emission.read(node.inputs[0], layout.CHANNELS_LAST)
    if node.attributes["mode"] == "CRD":
        shape = emission.shape_in_file(source)
        by_place = np.arange(shape[3]).reshape(-1, size * size).T.reshape(-1)
        source = emission.compute(node, "GATHER", [source, emission.integers(node, by_place)], shape, axis=3)
    emission.write(node, "DEPTH_TO_SPACE", [source], layout.CHANNELS_LAST, blockSize=size)


def space_to_depth(node: Node, emission: Emission) -> None:
    """SpaceToDepth."""
    source = emission.read(node.inputs[0], layout.CHANNELS_LAST)
    emission.write(node, "SPACE_TO_DEPTH", [source], layout.CHANNELS_LAST, blockSize=node.attributes["blocksize"])


def _window(
    node: Node, order: Order, starts: Mapping[int, int], shape: Sequence[int], emission: Emission
) -> tuple[int, int]:
    """SLICE's begin, 0 for axes that `starts` leaves out, and size."""
    begin = [starts.get(axis, 0) for axis in order]
    size = [shape[axis] for axis in order]
    return emission.integers(node, begin), emission.integers(node, size)
