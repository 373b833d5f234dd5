"""Operators whose meaning depends on axes: Concat, Pad, Softmax and the means."""

from collections.abc import Mapping

import numpy as np

from conversion.coreml.emission import Emission, refusal
from conversion.graph import Node

PAD_MODES: Mapping[str, str] = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}
"""ONNX's name to MIL's."""


def concat(node: Node, emission: Emission) -> None:
    """Concat along any axis."""
    emission.write(node, "concat", values=[emission.read(name) for name in node.inputs], axis=node.attributes["axis"])


def softmax(node: Node, emission: Emission) -> None:
    """Softmax over one axis.

    Raises:
        ConversionRefused: It is of an opset before 13, where it flattens, and not over the last axis.
    """
    last = len(emission.shape(node.inputs[0])) - 1
    is_flattening = emission.graph.opset < 13
    axis = node.attributes.get("axis", 1 if is_flattening else -1)
    if is_flattening and axis % (last + 1) != last:
        raise refusal(node, "axis", f"{axis} of opset {emission.graph.opset}", "export with opset 13 or later")
    emission.write(node, "softmax", x=emission.read(node.inputs[0]), axis=axis)


def reduce_mean(node: Node, emission: Emission) -> None:
    """ReduceMean; its axes are an attribute up to opset 17 and an input since."""
    x = emission.read(node.inputs[0])
    given = emission.constant(node, 1)
    axes = list(node.attributes.get("axes", ())) if given is None else given.tolist()
    if not axes and node.attributes.get("noop_with_empty_axes", 0):
        emission.write(node, "identity", x=x)
        return
    axes = axes or list(range(len(emission.shape(node.inputs[0]))))
    emission.write(node, "reduce_mean", x=x, axes=axes, keep_dims=bool(node.attributes.get("keepdims", 1)))


def global_average_pool(node: Node, emission: Emission) -> None:
    """GlobalAveragePool: the mean of each channel."""
    axes = list(range(2, len(emission.shape(node.inputs[0]))))
    emission.write(node, "reduce_mean", x=emission.read(node.inputs[0]), axes=axes, keep_dims=True)


def pad(node: Node, emission: Emission) -> None:
    """Pad: constant along any axis, reflected or repeated along the last two.

    Raises:
        ConversionRefused: It wraps, crops, or mirrors channels.
    """
    mode = node.attributes.get("mode", "constant")
    if mode not in PAD_MODES:
        raise refusal(node, "mode", mode, f"use {', '.join(PAD_MODES)}")
    amounts = _amounts(node, emission)
    if amounts.min() < 0:
        raise refusal(node, "negative pads", amounts.T.reshape(-1).tolist(), "crop with Slice")
    if mode != "constant" and amounts[:-2].any():
        raise refusal(node, f"{mode} pads", amounts.T.reshape(-1).tolist(), "pad the last two axes only, or constantly")
    fill = emission.constant(node, 2)
    emission.write(
        node,
        "pad",
        x=emission.read(node.inputs[0]),
        pad=(amounts if mode == "constant" else amounts[-2:]).reshape(-1),
        mode=PAD_MODES[mode],
        constant_val=np.float32(node.attributes.get("value", 0.0) if fill is None else fill.item()),
    )


def _amounts(node: Node, emission: Emission) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    """Before and after, for every axis."""
    rank = len(emission.shape(node.inputs[0]))
    pads, axes = emission.constant(node, 1), emission.constant(node, 3)
    amounts = np.zeros((rank, 2), np.int32)
    amounts[np.arange(rank) if axes is None else axes] = np.reshape(
        node.attributes["pads"] if pads is None else pads, (2, -1)
    ).T
    return amounts
