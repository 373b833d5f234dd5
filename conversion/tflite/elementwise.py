"""Operators that treat every value alike, and the arithmetic of two tensors."""

import math
from collections.abc import Callable

import numpy as np

from conversion.graph import Node
from conversion.tflite import fusion, layout
from conversion.tflite.emission import Emission, refusal

Emitter = Callable[[Node, Emission], None]


def unary(builtin: str) -> Emitter:
    """An operator that TFLite has under another name."""

    def emit(node: Node, emission: Emission) -> None:
        emission.write(node, builtin, [emission.read(node.inputs[0])])

    return emit


def binary(builtin: str) -> Emitter:
    """Arithmetic of two tensors; a constant of lower rank is aligned at the last axes, as ONNX does."""

    def emit(node: Node, emission: Emission) -> None:
        emission.write(node, builtin, [_operand(node, name, emission) for name in node.inputs])

    return emit


def clip(node: Node, emission: Emission) -> None:
    """Relu or Clip that could not be fused: one activation if TFLite has it, otherwise MAXIMUM and MINIMUM."""
    bounds = fusion.clip_bounds(node)
    assert bounds is not None
    source = emission.read(node.inputs[0])
    if bounds in fusion.ACTIVATIONS:
        emission.write(node, fusion.ACTIVATIONS[bounds], [source])
        return
    low, high = bounds
    shape = emission.shape(node.inputs[0])
    if math.isinf(high):
        emission.write(node, "MAXIMUM", [source, _scalar(node, low, len(shape), emission)])
        return
    if not math.isinf(low):
        source = emission.intermediate(node, "MAXIMUM", [source, _scalar(node, low, len(shape), emission)], shape)
    emission.write(node, "MINIMUM", [source, _scalar(node, high, len(shape), emission)])


def hard_sigmoid(node: Node, emission: Emission) -> None:
    """clip(alpha x + beta, 0, 1) as relu6(6 alpha x + 6 beta) / 6: TFLite can clip at 6 in passing, but not at 1."""
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    source, shape = emission.read(node.inputs[0]), emission.shape(node.inputs[0])
    slope, offset, sixth = (_scalar(node, value, len(shape), emission) for value in (6 * alpha, 6 * beta, 1 / 6))
    if np.float32(6 * alpha) != 1:
        source = emission.intermediate(node, "MUL", [source, slope], shape)
    source = emission.intermediate(node, "ADD", [source, offset], shape, fusedActivationFunction="RELU6")
    emission.write(node, "MUL", [source, sixth])


def _operand(node: Node, name: str, emission: Emission) -> int:
    rank, own = len(emission.shape(node.outputs[0])), emission.shape(name)
    if name in emission.graph.constants:
        return emission.number(name, emission.graph.constants[name].reshape((1,) * (rank - len(own)) + own))
    aligned = tuple(rank - len(own) + axis for axis in layout.order(len(own)))
    if aligned != layout.order(rank)[rank - len(own) :]:
        raise refusal(node, f"operand '{name}' of shape", own, f"reshape it to rank {rank} in the model")
    return emission.read(name)


def _scalar(node: Node, value: float, rank: int, emission: Emission) -> int:
    return emission.number(f"{node.outputs[0]}/{value:g}", np.full((1,) * rank, value, np.float32))
