"""Operators that name axes: Concat, Pad, Softmax and means."""

from conversion.graph import Node
from conversion.tflite import layout, padding
from conversion.tflite.emission import Emission, refusal


def concat(node: Node, emission: Emission) -> None:
    """Concat along any axis."""
    rank = len(emission.shape(node.outputs[0]))
    inputs = [emission.read(name) for name in node.inputs]
    emission.write(node, "CONCATENATION", inputs, axis=layout.axis(node.attributes["axis"], rank))


def pad(node: Node, emission: Emission) -> None:
    """Pad with a constant."""
    mode, amounts = node.attributes["mode"], node.attributes["pads"]
    if mode != "constant":
        raise refusal(node, "mode", mode, "use constant")
    if min(amounts) < 0:
        raise refusal(node, "negative pads", list(amounts), "crop with Slice")
    pairs = tuple(zip(amounts[: len(amounts) // 2], amounts[len(amounts) // 2 :], strict=True))
    builtin, inputs = padding.pad(node, emission.read(node.inputs[0]), pairs, node.attributes["value"], emission)
    emission.write(node, builtin, inputs)


def softmax(node: Node, emission: Emission) -> None:
    """Softmax over the channels of an image, or over the last axis of anything else."""
    rank = len(emission.shape(node.inputs[0]))
    axis = node.attributes["axis"]
    if layout.axis(axis, rank) != rank - 1:
        raise refusal(node, "axis", axis, f"use axis {layout.order(rank)[-1]}")
    emission.write(node, "SOFTMAX", [emission.read(node.inputs[0])], beta=1.0)


def reduce_mean(node: Node, emission: Emission) -> None:
    """ReduceMean."""
    rank, axes, keepdims = len(emission.shape(node.inputs[0])), node.attributes["axes"], node.attributes["keepdims"]
    kept = [axis for axis in layout.order(rank) if axis not in axes]
    if not keepdims and tuple(kept.index(axis) for axis in sorted(kept)) != layout.order(len(kept)):
        raise refusal(node, "keepdims", 0, "use keepdims 1 and reshape in the model")
    laid_out = sorted(layout.axis(axis, rank) for axis in axes)
    inputs = [emission.read(node.inputs[0]), emission.integers(f"{node.outputs[0]}/axes", laid_out)]
    emission.write(node, "MEAN", inputs, keepDims=bool(keepdims))
