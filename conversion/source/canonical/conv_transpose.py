"""ConvTranspose, with every padding rule made explicit."""

from conversion.source.canonical.builder import GraphBuilder
from conversion.source.canonical.convolution import given, groups, window
from conversion.source.node import Node


def transposed_convolution(node: Node, builder: GraphBuilder) -> None:
    """ConvTranspose; an `output_shape` or `auto_pad` is what the padding leaves of the whole."""
    size, kernel = builder.shapes[node.inputs[0]][2:], builder.shapes[node.inputs[1]][2:]
    output = builder.shapes[node.outputs[0]][2:]
    slid = window(node, kernel, builder, is_transposed=True)
    extra = list(node.attributes.get("output_padding", (0,) * len(kernel)))
    automatic = node.attributes.get("auto_pad", "NOTSET")
    if "output_shape" in node.attributes or automatic.startswith("SAME"):
        pads = []
        for i, stride in enumerate(slid["strides"]):
            whole = (size[i] - 1) * stride + extra[i] + (kernel[i] - 1) * slid["dilations"][i] + 1
            extra[i] += max(output[i] - whole, 0)
            total = max(whole - output[i], 0)
            pads.append(total // 2 if automatic == "SAME_UPPER" else total - total // 2)
            pads.append(total - pads[-1])
        slid["pads"] = (*pads[::2], *pads[1::2])
    builder.write(
        "ConvTranspose",
        given(node.inputs),
        node.outputs[0],
        **slid,
        group=groups(node),
        output_padding=tuple(extra),
    )
