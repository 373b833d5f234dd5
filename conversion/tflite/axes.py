"""Operators that name axes: Concat, Pad, Softmax and means."""

import numpy as np

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
    mode = node.attributes.get("mode", "constant")
    if mode != "constant":
        raise refusal(node, "mode", mode, "use constant")
    rank = len(emission.shape(node.inputs[0]))
    given = emission.constant(node, 1)
    amounts = [int(amount) for amount in (node.attributes["pads"] if given is None else given)]
    if min(amounts) < 0:
        raise refusal(node, "negative pads", amounts, "crop with Slice")
    chosen = emission.constant(node, 3)
    axes = range(rank) if chosen is None else [int(axis) % rank for axis in chosen]
    pairs = [(0, 0)] * rank
    for axis, before, after in zip(axes, amounts[: len(axes)], amounts[len(axes) :], strict=True):
        pairs[axis] = (before, after)
    fill = emission.constant(node, 2)
    value = float(node.attributes.get("value", 0.0) if fill is None else np.reshape(fill, -1)[0])
    builtin, inputs = padding.pad(node, emission.read(node.inputs[0]), tuple(pairs), value, emission)
    emission.write(node, builtin, inputs)


def global_average_pool(node: Node, emission: Emission) -> None:
    """GlobalAveragePool, the mean of each channel."""
    _mean(node, tuple(range(2, len(emission.shape(node.inputs[0])))), emission, keepdims=True)


def reduce_mean(node: Node, emission: Emission) -> None:
    """ReduceMean; axes are an input since opset 18 and an attribute before."""
    rank = len(emission.shape(node.inputs[0]))
    given = emission.constant(node, 1)
    axes = tuple(int(axis) % rank for axis in (node.attributes.get("axes", ()) if given is None else given))
    if not axes and node.attributes.get("noop_with_empty_axes", 0):
        raise refusal(node, "a mean over", "no axes", "remove it from the model")
    _mean(node, axes or tuple(range(rank)), emission, keepdims=bool(node.attributes.get("keepdims", 1)))


def softmax(node: Node, emission: Emission) -> None:
    """Softmax over the channels of an image, or over the last axis of anything else."""
    rank = len(emission.shape(node.inputs[0]))
    axis = node.attributes.get("axis", -1 if emission.graph.opset >= 13 else 1)
    # Before opset 13 it runs over all axes from this one on.
    is_one_axis = emission.graph.opset >= 13 or axis % rank == rank - 1
    if not is_one_axis or layout.axis(axis, rank) != rank - 1:
        raise refusal(node, "axis", axis, f"use axis {layout.order(rank)[-1]}, and opset 13 or later")
    emission.write(node, "SOFTMAX", [emission.read(node.inputs[0])], beta=1.0)


def _mean(node: Node, axes: tuple[int, ...], emission: Emission, *, keepdims: bool) -> None:
    rank = len(emission.shape(node.inputs[0]))
    kept = [axis for axis in layout.order(rank) if axis not in axes]
    if not keepdims and tuple(kept.index(axis) for axis in sorted(kept)) != layout.order(len(kept)):
        raise refusal(node, "keepdims", 0, "use keepdims 1 and reshape in the model")
    laid_out = sorted(layout.axis(axis, rank) for axis in axes)
    inputs = [emission.read(node.inputs[0]), emission.integers(f"{node.outputs[0]}/axes", laid_out)]
    emission.write(node, "MEAN", inputs, keepDims=keepdims)
