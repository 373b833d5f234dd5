"""Operators that move, join, repeat or leave out values without changing them."""

import math

import numpy as np

from conversion.coreml.builder import LARGEST_RANK, Builder
from conversion.source.graph import Node
from training.student.arrays import Array


def reshape(node: Node, builder: Builder) -> None:
    """Reshape, also to more axes than Core ML has if a later node removes them, as window attention does."""
    x, shape = builder.elements(node.inputs[0]), builder.shape(node.outputs[0])
    if len(shape) > LARGEST_RANK:
        builder.hold(node.outputs[0], x)
    else:
        builder.write(node, "reshape", x=x, shape=list(shape))


def transpose(node: Node, builder: Builder) -> None:
    """Transpose, also of more axes than Core ML has where merged axes compute the same."""
    shape, perm = builder.shape(node.inputs[0]), node.attributes["perm"]
    if len(shape) <= LARGEST_RANK:
        builder.write(node, "transpose", x=builder.read(node.inputs[0]), perm=list(perm))
        return
    sizes, order = merged(shape, perm)
    if len(sizes) > LARGEST_RANK:
        raise builder.refusal(node, f"perm {list(perm)} of", shape, f"move blocks of at most {LARGEST_RANK} axes")
    x = builder.shaped(node, node.inputs[0], sizes)
    builder.hold(node.outputs[0], builder.intermediate(node, "transpose", x=x, perm=list(order)))


def merged(shape: tuple[int, ...], perm: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape and order of the same transpose of the fewest axes: those that stay together are one.

    Axes of length 1 are left out; where nothing else is left, one of them stays.
    """
    moved = [axis for axis in perm if shape[axis] > 1]
    place = {axis: index for index, axis in enumerate(sorted(moved))}
    runs: list[list[int]] = []
    for axis in moved:
        if runs and place[axis] == place[runs[-1][-1]] + 1:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    inputs = sorted(runs)
    sizes = tuple(math.prod(shape[axis] for axis in run) for run in inputs) or (1,)
    return sizes, tuple(inputs.index(run) for run in runs) or (0,)


def expand(node: Node, builder: Builder) -> None:
    """Expand: axes in front of its own and those of length 1 are repeated."""
    own, shape = builder.shape(node.inputs[0]), builder.shape(node.outputs[0])
    own = (*(1,) * (len(shape) - len(own)), *own)
    repeats = [wanted // size for wanted, size in zip(shape, own, strict=True)]
    builder.write(node, "tile", x=builder.shaped(node, node.inputs[0], own), reps=repeats)


def tile(node: Node, builder: Builder) -> None:
    """Tile."""
    builder.write(node, "tile", x=builder.read(node.inputs[0]), reps=list(node.attributes["repeats"]))


def slice_(node: Node, builder: Builder) -> None:
    """Slice; negative steps become positive ones and a `reverse`."""
    x = builder.read(node.inputs[0])
    begin, end, stride = [], [], []
    rows = zip(*(node.attributes[name] for name in ("starts", "ends", "steps")), strict=True)
    for start, stop, step in rows:
        places = range(start, stop, step)
        forwards = places if step > 0 else places[::-1]
        begin.append(forwards.start)
        end.append(forwards[-1] + 1 if forwards else forwards.start)
        stride.append(forwards.step)
    turned = [axis for axis, step in enumerate(node.attributes["steps"]) if step < 0]
    if not turned:
        builder.write(node, "slice_by_index", x=x, begin=begin, end=end, stride=stride)
        return
    forwards = builder.intermediate(node, "slice_by_index", x=x, begin=begin, end=end, stride=stride)
    builder.write(node, "reverse", x=forwards, axes=turned)


def gather(node: Node, builder: Builder) -> None:
    """Gather along an axis: a slice where the places are known and regular, as are those of q, k and v."""
    axis = node.attributes["axis"]
    known = node.attributes.get("indices")
    if known is not None and known.ndim <= 1 and (step := regular_step(known)):
        shape = builder.shape(node.inputs[0])
        first, last = (int(known.reshape(-1)[end]) for end in (0, -1))
        builder.write(
            node,
            "slice_by_index",
            x=builder.read(node.inputs[0]),
            begin=[first if index == axis else 0 for index in range(len(shape))],
            end=[last + 1 if index == axis else size for index, size in enumerate(shape)],
            stride=[step if index == axis else 1 for index in range(len(shape))],
            squeeze_mask=[known.ndim == 0 and index == axis for index in range(len(shape))],
        )
        return
    indices = builder.read(node.inputs[1]) if known is None else known.astype(np.int32)
    x = builder.number(node.inputs[0])
    if builder.graph.dtypes[node.inputs[0]].kind != "b":
        builder.write(node, "gather", x=x, indices=indices, axis=axis)
    else:
        gathered = builder.intermediate(node, "gather", x=x, indices=indices, axis=axis)
        builder.write(node, "cast", x=gathered, dtype="bool")


def regular_step(places: Array) -> int:
    """The step between places that go forwards in regular steps, 1 for a single one; 0 for others."""
    steps = set(np.diff(places.reshape(-1)).tolist()) or {1}
    return max(int(steps.pop()), 0) if len(steps) == 1 else 0


def depth_to_space(node: Node, builder: Builder) -> None:
    """DepthToSpace: CRD is torch's pixel shuffle, DCR what TensorFlow calls depth_to_space, as does MIL."""
    x, size = builder.read(node.inputs[0]), node.attributes["blocksize"]
    if node.attributes["mode"] == "CRD":
        builder.write(node, "pixel_shuffle", x=x, upscale_factor=size)
    else:
        builder.write(node, "depth_to_space", x=x, block_size=size)


def space_to_depth(node: Node, builder: Builder) -> None:
    """SpaceToDepth: DCR, which it always was before opset 28, as TensorFlow and MIL have it; CRD by a transpose."""
    x, size = builder.read(node.inputs[0]), node.attributes["blocksize"]
    if node.attributes.get("mode", "DCR") == "DCR":
        builder.write(node, "space_to_depth", x=x, block_size=size)
        return
    images, channels, rows, columns = builder.shape(node.inputs[0])
    blocks = [images * channels, rows // size, size, columns // size, size]
    apart = builder.intermediate(node, "reshape", x=x, shape=blocks)
    turned = builder.intermediate(node, "transpose", x=apart, perm=[0, 2, 4, 1, 3])
    builder.write(node, "reshape", x=turned, shape=list(builder.shape(node.outputs[0])))


def concat(node: Node, builder: Builder) -> None:
    """Concat along any axis."""
    builder.write(node, "concat", values=[builder.read(name) for name in node.inputs], axis=node.attributes["axis"])


def split(node: Node, builder: Builder) -> None:
    """Split into given lengths."""
    builder.write(
        node,
        "split",
        x=builder.read(node.inputs[0]),
        split_sizes=list(node.attributes["split"]),
        axis=node.attributes["axis"],
    )
