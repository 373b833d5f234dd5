"""Operators that move, join or cut out values without changing them."""

from conversion.source.canonical.builder import GraphBuilder
from conversion.source.node import Node


def reshape(node: Node, builder: GraphBuilder) -> None:
    """Reshape, Flatten, Squeeze and Unsqueeze: to the shape that shape inference knows."""
    builder.reshape(node.inputs[0], builder.shapes[node.outputs[0]], node.outputs[0])


def transpose(node: Node, builder: GraphBuilder) -> None:
    """Transpose; by default it reverses the axes."""
    rank = len(builder.shapes[node.inputs[0]])
    builder.transpose(node.inputs[0], tuple(node.attributes.get("perm", range(rank)[::-1])), node.outputs[0])


def expand(node: Node, builder: GraphBuilder) -> None:
    """Expand to the shape that shape inference knows."""
    x, output = node.inputs[0], node.outputs[0]
    if builder.shapes[x] == builder.shapes[output]:
        builder.alias(output, x)
    else:
        builder.write("Expand", [x], output)


def tile(node: Node, builder: GraphBuilder) -> None:
    """Tile a whole number of times along each axis."""
    repeats = builder.constant(node, 1)
    if repeats is None or len(node.inputs) > 2:
        raise builder.refusal(node, "opset", builder.opset, "export with opset 7 or later")
    if (repeats == 1).all():
        builder.alias(node.outputs[0], node.inputs[0])
    else:
        builder.write("Tile", node.inputs[:1], node.outputs[0], repeats=tuple(repeats.tolist()))


def slice_(node: Node, builder: GraphBuilder) -> None:
    """Slice; its bounds are inputs since opset 10 and attributes before."""
    x, output = node.inputs[0], node.outputs[0]
    shape = builder.shapes[x]

    def given(position: int, name: str) -> list[int] | None:
        value = builder.constant(node, position)
        if value is not None:
            return [int(item) for item in value.reshape(-1)]
        return [int(item) for item in node.attributes[name]] if name in node.attributes else None

    starts, ends = given(1, "starts"), given(2, "ends")
    if starts is None or ends is None:
        raise builder.refusal(node, "bounds", "that are left out", "repair the model")
    axes = given(3, "axes") or list(range(len(starts)))
    steps = given(4, "steps") or [1] * len(starts)
    bounds = [(0, size, 1) for size in shape]
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        bounds[axis] = slice(start, end, step).indices(shape[axis])
    if bounds == [(0, size, 1) for size in shape]:
        builder.alias(output, x)
        return
    starts, ends, steps = (list(column) for column in zip(*bounds, strict=True))
    builder.write("Slice", [x], output, starts=tuple(starts), ends=tuple(ends), steps=tuple(steps))


def gather(node: Node, builder: GraphBuilder) -> None:
    """Gather; constant indices become an attribute."""
    x, indices = node.inputs
    axis = node.attributes.get("axis", 0) % max(len(builder.shapes[x]), 1)
    if indices not in builder.constants:
        builder.write("Gather", [x, indices], node.outputs[0], axis=axis)
        return
    places, length = builder.constants[indices], builder.shapes[x][axis]
    if places.size and not (-length <= places.min() and places.max() < length):
        raise builder.refusal(node, "index", f"{places.min()} to {places.max()} of {length}", "repair the model")
    builder.write("Gather", [x], node.outputs[0], axis=axis, indices=places % length)


def depth_to_space(node: Node, builder: GraphBuilder) -> None:
    """DepthToSpace; DCR is what it meant before opset 11."""
    builder.write(
        "DepthToSpace",
        node.inputs,
        node.outputs,
        blocksize=node.attributes["blocksize"],
        mode=node.attributes.get("mode", "DCR"),
    )


def space_to_depth(node: Node, builder: GraphBuilder) -> None:
    """SpaceToDepth, which also has a mode since opset 28.

    Raises:
        ConversionRefused: Channels come before the places of a block.
    """
    if (mode := node.attributes.get("mode", "DCR")) != "DCR":
        raise builder.refusal(node, "mode", mode, "use DCR and reorder the channels behind it")
    builder.write("SpaceToDepth", node.inputs, node.outputs, blocksize=node.attributes["blocksize"])


def concat(node: Node, builder: GraphBuilder) -> None:
    """Concat along an axis; inputs of length 0 are left out."""
    axis = node.attributes.get("axis", 1) % len(builder.shapes[node.outputs[0]])
    parts = [name for name in node.inputs if builder.shapes[name][axis]] or node.inputs[:1]
    if len(parts) == 1:
        builder.alias(node.outputs[0], parts[0])
    else:
        builder.write("Concat", parts, node.outputs[0], axis=axis)


def split(node: Node, builder: GraphBuilder) -> None:
    """Split into the lengths that shape inference knows."""
    axis = node.attributes.get("axis", 0) % len(builder.shapes[node.inputs[0]])
    if len(node.outputs) == 1:
        builder.alias(node.outputs[0], node.inputs[0])
    else:
        lengths = tuple(builder.shapes[name][axis] for name in node.outputs)
        builder.write("Split", node.inputs[:1], node.outputs, axis=axis, split=lengths)
