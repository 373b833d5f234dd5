"""Operators that slide a window over the image: convolutions and pools, every padding rule spelled out."""

import math
from typing import Any

from conversion.source.canonical.builder import LARGEST, GraphBuilder, refusal
from conversion.source.node import Node

Sizes = tuple[int, ...]
"""One entry for each axis behind the channels."""


def convolution(node: Node, builder: GraphBuilder) -> None:
    """Conv; zeros padded on in front of it become its own padding."""
    x, kernel = node.inputs[0], builder.shapes[node.inputs[1]][2:]
    attributes = _window(node, kernel, builder)
    x, attributes["pads"] = _with_padding_absorbed(x, attributes["pads"], builder)
    builder.write("Conv", [x, *_given(node.inputs[1:])], node.outputs[0], **attributes, group=_group(node))


def transposed_convolution(node: Node, builder: GraphBuilder) -> None:
    """ConvTranspose; an `output_shape` or `auto_pad` is what the padding leaves of the whole."""
    size, kernel = builder.shapes[node.inputs[0]][2:], builder.shapes[node.inputs[1]][2:]
    output = builder.shapes[node.outputs[0]][2:]
    window = _window(node, kernel, builder, is_transposed=True)
    extra = list(node.attributes.get("output_padding", (0,) * len(kernel)))
    automatic = node.attributes.get("auto_pad", "NOTSET")
    if "output_shape" in node.attributes or automatic.startswith("SAME"):
        pads = []
        for i, stride in enumerate(window["strides"]):
            whole = (size[i] - 1) * stride + extra[i] + (kernel[i] - 1) * window["dilations"][i] + 1
            extra[i] += max(output[i] - whole, 0)
            total = max(whole - output[i], 0)
            pads.append(total // 2 if automatic == "SAME_UPPER" else total - total // 2)
            pads.append(total - pads[-1])
        window["pads"] = (*pads[::2], *pads[1::2])
    builder.write(
        "ConvTranspose",
        _given(node.inputs),
        node.outputs[0],
        **window,
        group=_group(node),
        output_padding=tuple(extra),
    )


def max_pool(node: Node, builder: GraphBuilder) -> None:
    """MaxPool; its second output, if read, stays for an emitter to judge."""
    indices = {"storage_order": node.attributes.get("storage_order", 0)} if len(node.outputs) > 1 else {}
    builder.write("MaxPool", node.inputs, node.outputs, **_pool(node, builder), **indices)


def average_pool(node: Node, builder: GraphBuilder) -> None:
    """AveragePool."""
    counts = node.attributes.get("count_include_pad", 0)
    builder.write("AveragePool", node.inputs, node.outputs, **_pool(node, builder), count_include_pad=counts)


def _pool(node: Node, builder: GraphBuilder) -> dict[str, Any]:
    kernel = tuple(node.attributes["kernel_shape"])
    attributes = _window(node, kernel, builder)
    return {"kernel_shape": kernel, **attributes, "ceil_mode": node.attributes.get("ceil_mode", 0)}


def _window(node: Node, kernel: Sizes, builder: GraphBuilder, *, is_transposed: bool = False) -> dict[str, Any]:
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
        raise refusal(node, "a window", f"of {len(kernel)} axes over {len(size)}", "repair the model")
    padded = [sum(each) for each in zip(size, pads[: len(size)], pads[len(size) :], strict=True)]
    if math.prod(padded) > LARGEST:
        raise refusal(node, "an image padded to", padded, "pad it less")
    automatic = node.attributes.get("auto_pad", "NOTSET")
    if automatic not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise refusal(node, "auto_pad", automatic, "use NOTSET, VALID, SAME_UPPER or SAME_LOWER")
    if automatic == "VALID":
        pads = (0,) * len(pads)
    elif automatic != "NOTSET" and not is_transposed:
        extent = [(kernel[i] - 1) * dilations[i] + 1 for i in axes]
        total = [max((places[i] - 1) * strides[i] + extent[i] - size[i], 0) for i in axes]
        less, more = tuple(amount // 2 for amount in total), tuple(amount - amount // 2 for amount in total)
        pads = (*less, *more) if automatic == "SAME_UPPER" else (*more, *less)
    return {"strides": strides, "dilations": dilations, "pads": pads}


def _with_padding_absorbed(x: str, pads: Sizes, builder: GraphBuilder) -> tuple[str, Sizes]:
    """What a zero Pad of the image axes alone pads, and its padding together with `pads`."""
    pad = builder.producer(x)
    if pad.operator != "Pad" or pad.attributes["mode"] != "constant" or pad.attributes["value"] != 0:
        return x, pads
    amounts = pad.attributes["pads"]
    before, after = amounts[: len(amounts) // 2], amounts[len(amounts) // 2 :]
    if any((*before[:2], *after[:2])) or min(amounts) < 0:
        return x, pads
    return pad.inputs[0], tuple(one + other for one, other in zip((*before[2:], *after[2:]), pads, strict=True))


def _group(node: Node) -> int:
    return int(node.attributes.get("group", 1))


def _given(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name]
