"""ConvTranspose."""

import numpy as np

from conversion.coreml.builder import Builder
from conversion.coreml.convolution import bias_of, padding_of, pads_of
from conversion.source.graph import Node


def transposed_convolution(node: Node, builder: Builder) -> None:
    """ConvTranspose; output padding reduces the padding at the end, or else extends the kernel by zeros."""
    weight = builder.required_constant(node, 1)
    before, after = pads_of(node, builder)
    dilations = node.attributes["dilations"]
    end = [pad - more for pad, more in zip(after, node.attributes["output_padding"], strict=True)]
    taps = [-(min(pad, 0) // step) for pad, step in zip(end, dilations, strict=True)]
    end = [pad + more * step for pad, more, step in zip(end, taps, dilations, strict=True)]
    builder.write(
        node,
        "conv_transpose",
        x=builder.read(node.inputs[0]),
        weight=np.pad(weight, [(0, 0), (0, 0), *((0, more) for more in taps)]) if any(taps) else weight,
        **bias_of(node, builder),
        strides=node.attributes["strides"],
        dilations=dilations,
        groups=node.attributes["group"],
        **padding_of(before, tuple(end)),
    )
