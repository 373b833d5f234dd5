"""Pad: constant, reflected or repeated."""

from collections.abc import Mapping

import numpy as np

from conversion.coreml.builder import Builder
from conversion.source.graph import Node

PAD_MODES: Mapping[str, str] = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}
"""ONNX's name to MIL's."""


def pad(node: Node, builder: Builder) -> None:
    """Pad: constant along any axis, reflected or repeated along the last two.

    Raises:
        ConversionRefused: It wraps, crops, mirrors channels, or pads whole numbers.
    """
    mode = node.attributes["mode"]
    if mode not in PAD_MODES:
        raise builder.refusal(node, "mode", mode, f"use {', '.join(PAD_MODES)}")
    if not builder.is_real(node.inputs[0]):
        raise builder.refusal(node, "pads around", builder.graph.dtypes[node.inputs[0]], "cast to float first")
    amounts = np.asarray(node.attributes["pads"], np.int32).reshape(2, -1).T
    if amounts.min() < 0:
        raise builder.refusal(node, "negative pads", list(node.attributes["pads"]), "crop with Slice")
    if mode != "constant" and amounts[:-2].any():
        raise builder.refusal(
            node, f"{mode} pads", list(node.attributes["pads"]), "pad the last two axes only, or constantly"
        )
    builder.write(
        node,
        "pad",
        x=builder.read(node.inputs[0]),
        pad=(amounts if mode == "constant" else amounts[-2:]).reshape(-1),
        mode=PAD_MODES[mode],
        constant_val=np.float32(node.attributes["value"]),
    )
