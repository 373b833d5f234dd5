"""Conv, and the window that it has in common with ConvTranspose and the pools: every padding rule made explicit."""

import math
from typing import Any

from conversion.source.canonical.builder import LARGEST, GraphBuilder
from conversion.source.node import Node

Sizes = tuple[int, ...]
"""One entry for each axis behind the channels."""


def convolution(node: Node, builder: GraphBuilder) -> None:
    """Conv; a Pad of zeros in front of it becomes its own padding."""
    x, kernel = node.inputs[0], builder.shapes[node.inputs[1]][2:]
    attributes = window(node, kernel, builder)
    x, attributes["pads"] = _with_padding_absorbed(x, attributes["pads"], builder)
    builder.write("Conv", [x, *given(node.inputs[1:])], node.outputs[0], **attributes, group=groups(node))


def window(node: Node, kernel: Sizes, builder: GraphBuilder, *, is_transposed: bool = False) -> dict[str, Any]:
    """Strides, dilations and pads.

    Raises:
        ConversionRefused: They are not those of one window.
    """
    axes, one = range(len(kernel)), (1,) * len(kernel)
    size, places = builder.shapes[node.inputs[0]][2:], builder.shapes[node.outputs[0]][2:]
    strides = tuple(node.attributes.get("strides", one))
    dilations = tuple(node.attributes.get("dilations", one))
    pads = tuple(node.attributes.get("pads", (0,) * 2 * len(kernel)))
    if not len(size) == len(kernel) == len(strides) == len(dilations) == len(pads) / 2:
        raise builder.refusal(node, "a window", f"of {len(kernel)} axes over {len(size)}", "repair the model")
    padded = [sum(each) for each in zip(size, pads[: len(size)], pads[len(size) :], strict=True)]
    if math.prod(padded) > LARGEST:
        raise builder.refusal(node, "an image padded to", padded, "pad it less")
    automatic = node.attributes.get("auto_pad", "NOTSET")
    if automatic not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise builder.refusal(node, "auto_pad", automatic, "use NOTSET, VALID, SAME_UPPER or SAME_LOWER")
    if automatic == "VALID":
        pads = (0,) * len(pads)
    elif automatic != "NOTSET" and not is_transposed:
        extent = [(kernel[i] - 1) * dilations[i] + 1 for i in axes]
        total = [max((places[i] - 1) * strides[i] + extent[i] - size[i], 0) for i in axes]
        less, more = tuple(amount // 2 for amount in total), tuple(amount - amount // 2 for amount in total)
        pads = (*less, *more) if automatic == "SAME_UPPER" else (*more, *less)
    return {"strides": strides, "dilations": dilations, "pads": pads}


def _with_padding_absorbed(x: str, pads: Sizes, builder: GraphBuilder) -> tuple[str, Sizes]:
    """The input of a zero Pad of the image axes, and its amounts added to `pads`; without one, `x` and `pads`."""
    pad = builder.producer(x)
    if pad.operator != "Pad" or pad.attributes["mode"] != "constant" or pad.attributes["value"] != 0:
        return x, pads
    amounts = pad.attributes["pads"]
    before, after = amounts[: len(amounts) // 2], amounts[len(amounts) // 2 :]
    if any((*before[:2], *after[:2])) or min(amounts) < 0:
        return x, pads
    return pad.inputs[0], tuple(one + other for one, other in zip((*before[2:], *after[2:]), pads, strict=True))


def groups(node: Node) -> int:
    """How many groups of channels the node has."""
    return int(node.attributes.get("group", 1))


def given(names: tuple[str, ...]) -> list[str]:
    """Inputs without those that are left out."""
    return [name for name in names if name]
