"""Resize: accepted only where MIL has an operator that samples where ONNX does, position by position."""

import numpy as np

from conversion import sampling as onnx_sampling
from conversion.coreml import sampling
from conversion.coreml.emission import Emission, refusal
from conversion.graph import Node

Axis = tuple[int, int, float]
"""Length before and after, and ONNX's scale between them."""


def resize(node: Node, emission: Emission) -> None:
    """Resize as upsample_bilinear, resize_bilinear or upsample_nearest_neighbor.

    Raises:
        ConversionRefused: Its mode, or its sampling at these sizes, has no exact equal.
    """
    _check(node, emission)
    axes = _image_axes(node, emission)
    is_nearest = node.attributes.get("mode", "nearest") == "nearest"
    if not (_nearest if is_nearest else _linear)(node, axes, emission):
        found = (
            f"{[n for n, _, _ in axes]} to {[m for _, m, _ in axes]} in coordinate_transformation_mode {_rule(node)}"
        )
        if is_nearest:
            found = f"{found} with nearest_mode {_rounding(node)}"
        works = "asymmetric with floor and whole factors" if is_nearest else "half_pixel"
        raise refusal(node, "a resize of", found, f"use {works}")


def _check(node: Node, emission: Emission) -> None:
    shape, resized = emission.shape(node.inputs[0]), emission.shape(node.outputs[0])
    if len(shape) != 4 or shape[:2] != resized[:2]:
        raise refusal(node, "a change of shape from", f"{shape} to {resized}", "resize the last two axes of four only")
    if (mode := node.attributes.get("mode", "nearest")) not in ("nearest", "linear"):
        raise refusal(node, "mode", mode, "use linear or nearest")
    if _rule(node) not in onnx_sampling.RULES:
        raise refusal(
            node, "coordinate_transformation_mode", _rule(node), f"use one of {', '.join(onnx_sampling.RULES)}"
        )
    if node.attributes.get("antialias", 0) and any(m < n for n, m in zip(shape, resized, strict=True)):
        raise refusal(node, "antialias", 1, "use 0, or AveragePool to shrink")


def _rule(node: Node) -> str:
    return str(node.attributes.get("coordinate_transformation_mode", "half_pixel"))


def _rounding(node: Node) -> str:
    return str(node.attributes.get("nearest_mode", "round_prefer_floor"))


def _image_axes(node: Node, emission: Emission) -> list[Axis]:
    """Rows and columns."""
    lengths = (emission.shape(name) for name in (node.inputs[0], node.outputs[0]))
    return list(zip(*lengths, node.attributes["scales"], strict=True))[2:]


def _linear(node: Node, axes: list[Axis], emission: Emission) -> bool:
    wanted = [onnx_sampling.positions(_rule(node), *axis) for axis in axes]
    for mode in sampling.MIL:
        offered = [sampling.mil_positions(mode, n, m) for n, m, _ in axes]
        if all(np.allclose(w, o, rtol=0, atol=1e-6 * len(w)) for w, o in zip(wanted, offered, strict=True)):
            break
    else:
        return False
    x = emission.read(node.inputs[0])
    if mode == "UNALIGN_CORNERS" and (factors := _whole_factors(axes)):
        # Means the same as resize_bilinear, and is what coremltools' own torch front end emits: the trodden path.
        emission.write(node, "upsample_bilinear", x=x, align_corners=False, **factors)
    else:
        (_, height, _), (_, width, _) = axes
        emission.write(
            node, "resize_bilinear", x=x, target_size_height=height, target_size_width=width, sampling_mode=mode
        )
    return True


def _nearest(node: Node, axes: list[Axis], emission: Emission) -> bool:
    """Whole factors only: MIL leaves open which sample others repeat."""
    wanted = [onnx_sampling.nearest(_rule(node), _rounding(node), *axis) for axis in axes]
    factors = _whole_factors(axes)
    if not factors or any(
        not np.array_equal(w, np.arange(m) // (m // n)) for w, (n, m, _) in zip(wanted, axes, strict=True)
    ):
        return False
    emission.write(node, "upsample_nearest_neighbor", x=emission.read(node.inputs[0]), **factors)
    return True


def _whole_factors(axes: list[Axis]) -> dict[str, int]:
    if any(m % n for n, m, _ in axes):
        return {}
    return {f"scale_factor_{side}": m // n for side, (n, m, _) in zip(("height", "width"), axes, strict=True)}
