"""Resize and the old Upsample: one scale for each axis, and every rule named."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from conversion.source import sampling
from conversion.source.canonical.builder import GraphBuilder
from conversion.source.node import Node


def resize(node: Node, builder: GraphBuilder) -> None:
    """Resize; before opset 11 its scales are the second input and it samples asymmetrically.

    Raises:
        ConversionRefused: ONNX and its runtimes read it differently.
    """
    is_old = builder.opset < 11
    scales = _scales(node, builder, position=1 if is_old else 2)
    shape, resized = builder.shapes[node.inputs[0]], builder.shapes[node.outputs[0]]
    if resized == shape and all(scale == 1 for scale in scales):
        builder.alias(node.outputs[0], node.inputs[0])
        return
    attributes = {**_DEFAULTS, **(_OLD if is_old else {})}
    attributes = {name: node.attributes.get(name, default) for name, default in attributes.items()}
    rule, is_nearest = attributes["coordinate_transformation_mode"], attributes["mode"] == "nearest"
    if rule not in sampling.RULES:
        raise builder.refusal(node, "coordinate_transformation_mode", rule, f"use one of {', '.join(sampling.RULES)}")
    for size, out, scale in zip(shape, resized, scales, strict=True):
        if rule == "align_corners" and not math.isclose(scale * size, out, rel_tol=1e-6):
            raise builder.refusal(
                node, "align_corners with a scale of", f"{scale:g} of {size}", "give sizes instead of scales"
            )
        if is_old and is_nearest and scale < 1 and not _is_settled(size, out, scale):
            raise builder.refusal(
                node, "a nearest pixel at scale", f"{scale:g} of {size}", "export with opset 11 or later"
            )
    builder.write("Resize", node.inputs[:1], node.outputs[0], **attributes, scales=scales)


_DEFAULTS: Mapping[str, Any] = {
    "mode": "nearest",
    "coordinate_transformation_mode": "half_pixel",
    "nearest_mode": "round_prefer_floor",
    "antialias": 0,
    "exclude_outside": 0,
    "cubic_coeff_a": -0.75,
}
_OLD: Mapping[str, Any] = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
"""The rules of Upsample, and of Resize before opset 11, which have no attributes for them."""


def _scales(node: Node, builder: GraphBuilder, position: int) -> tuple[float, ...]:
    """One for each axis, as given or as the sizes are to each other."""
    shape, resized = builder.shapes[node.inputs[0]], builder.shapes[node.outputs[0]]
    scales = [out / size for size, out in zip(shape, resized, strict=True)]
    axes = node.attributes.get("axes", range(len(shape)))
    given = builder.constant(node, position)
    if given is not None and given.size:
        for axis, scale in zip(axes, given.tolist(), strict=True):
            scales[axis] = scale
    elif (policy := node.attributes.get("keep_aspect_ratio_policy", "stretch")) != "stretch" and len(
        {scales[axis] for axis in axes}
    ) > 1:
        # The scale is one for all axes then, and lengths are rounded after it.
        raise builder.refusal(node, "keep_aspect_ratio_policy", policy, "give the sizes themselves")
    return tuple(scales)


def _is_settled(size: int, out: int, scale: float) -> bool:
    """Whether rounding down and up give the same pixels; opset 10 leaves open which is meant."""
    before, behind = (sampling.nearest("asymmetric", way, size, out, scale) for way in ("floor", "ceil"))
    return np.array_equal(before, behind)


def upsample(node: Node, builder: GraphBuilder) -> None:
    """Upsample: a Resize that samples asymmetrically and takes the pixel before.

    Raises:
        ConversionRefused: It is older than opset 7.
    """
    scales = builder.constant(node, 1)
    if scales is None and "scales" not in node.attributes:
        raise builder.refusal(node, "opset", builder.opset, "export with opset 7 or later")
    attributes = {**_DEFAULTS, **_OLD, "mode": node.attributes.get("mode", "nearest")}
    factors = tuple(node.attributes["scales"] if scales is None else scales.tolist())
    builder.write("Resize", node.inputs[:1], node.outputs[0], **attributes, scales=factors)
