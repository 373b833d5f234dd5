"""Resize and the old Upsample: one scale for each axis, and every rule named."""

import numpy as np

from conversion import sampling
from conversion.node import Node
from conversion.spelling.draft import Draft, refusal

_WHOLE = 1e-3
"""How far a scale in float32 may put a length beside a whole number that it means."""


def resize(node: Node, draft: Draft) -> None:
    """Resize; before opset 11 its scales are the second input and it samples asymmetrically.

    Raises:
        ConversionRefused: It is of opset 10 and shrinks to nearest pixels, which that opset leaves undefined, or
            aligns corners of a length that its scale does not give.
    """
    shape, resized = draft.shapes[node.inputs[0]], draft.shapes[node.outputs[0]]
    is_old = draft.opset < 11
    scales = [out / size for size, out in zip(shape, resized, strict=True)]
    given = draft.constant(node, 1 if is_old else 2)
    policy = node.attributes.get("keep_aspect_ratio_policy", "stretch")
    axes = [axis % len(shape) for axis in node.attributes.get("axes", range(len(shape)))]
    if given is not None and given.size:
        for axis, scale in zip(axes, given.tolist(), strict=True):
            scales[axis] = scale
    elif policy != "stretch":
        # The same for all axes, that of the one that decides; lengths are rounded after it.
        sizes = draft.constant(node, 3)
        assert sizes is not None
        choose = min if policy == "not_larger" else max
        common = choose(size / shape[axis] for axis, size in zip(axes, sizes.tolist(), strict=True))
        for axis in axes:
            scales[axis] = common
    if resized == shape and all(scale == 1 for scale in scales):
        draft.alias(node.outputs[0], node.inputs[0])
        return
    attributes = {
        "mode": node.attributes.get("mode", "nearest"),
        "coordinate_transformation_mode": node.attributes.get(
            "coordinate_transformation_mode", "asymmetric" if is_old else "half_pixel"
        ),
        "nearest_mode": node.attributes.get("nearest_mode", "floor" if is_old else "round_prefer_floor"),
        "scales": tuple(scales),
        "antialias": node.attributes.get("antialias", 0),
        "exclude_outside": node.attributes.get("exclude_outside", 0),
        "cubic_coeff_a": node.attributes.get("cubic_coeff_a", -0.75),
    }
    if attributes["coordinate_transformation_mode"] == "tf_crop_and_resize":
        roi = draft.constant(node, 1)
        attributes["roi"] = () if roi is None else tuple(roi.reshape(-1).tolist())
        attributes["extrapolation_value"] = node.attributes.get("extrapolation_value", 0.0)
    if attributes["coordinate_transformation_mode"] == "align_corners":
        for size, out, scale in zip(shape, resized, scales, strict=True):
            # ONNX's own tests divide by the length before it was rounded, its runtimes by the one after.
            if abs(size * scale - out) > _WHOLE:
                raise refusal(node, "align_corners with scale", f"{scale:g} of {size}", "use sizes instead of scales")
    if is_old and attributes["mode"] == "nearest":
        for size, out, scale in zip(shape, resized, scales, strict=True):
            down, up = (sampling.nearest("asymmetric", way, size, out, scale) for way in ("floor", "ceil"))
            if scale < 1 and not np.array_equal(down, up):
                raise refusal(node, "a scale below 1", scale, "export with opset 11 or later")
    draft.unary("Resize", node.inputs[0], node.outputs[0], **attributes)


def upsample(node: Node, draft: Draft) -> None:
    """Upsample: a Resize that samples asymmetrically and takes the pixel before.

    Raises:
        ConversionRefused: It is older than opset 7.
    """
    scales = draft.constant(node, 1)
    if scales is None and "scales" not in node.attributes:
        raise refusal(node, "opset", draft.opset, "export with opset 7 or later")
    draft.unary(
        "Resize",
        node.inputs[0],
        node.outputs[0],
        mode=node.attributes.get("mode", "nearest"),
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        scales=tuple(node.attributes["scales"] if scales is None else scales.tolist()),
        antialias=0,
        exclude_outside=0,
        cubic_coeff_a=-0.75,
    )
