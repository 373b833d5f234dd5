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
    """Softmax over one axis."""
    emission.write(node, "softmax", x=emission.read(node.inputs[0]), axis=node.attributes["axis"])


def reduce_mean(node: Node, emission: Emission) -> None:
    """ReduceMean."""
    axes, keepdims = list(node.attributes["axes"]), bool(node.attributes["keepdims"])
    emission.write(node, "reduce_mean", x=emission.read(node.inputs[0]), axes=axes, keep_dims=keepdims)


def pad(node: Node, emission: Emission) -> None:
    """Pad: constant along any axis, reflected or repeated along the last two.

    Raises:
        ConversionRefused: It wraps, crops, or mirrors channels.
    """
    mode = node.attributes["mode"]
    if mode not in PAD_MODES:
        raise refusal(node, "mode", mode, f"use {', '.join(PAD_MODES)}")
    amounts = np.asarray(node.attributes["pads"], np.int32).reshape(2, -1).T
    if amounts.min() < 0:
        raise refusal(node, "negative pads", amounts.T.reshape(-1).tolist(), "crop with Slice")
    if mode != "constant" and amounts[:-2].any():
        raise refusal(node, f"{mode} pads", amounts.T.reshape(-1).tolist(), "pad the last two axes only, or constantly")
    emission.write(
        node,
        "pad",
        x=emission.read(node.inputs[0]),
        pad=(amounts if mode == "constant" else amounts[-2:]).reshape(-1),
        mode=PAD_MODES[mode],
        constant_val=np.float32(node.attributes["value"]),
    )
