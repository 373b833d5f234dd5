"""Softmax, LogSoftmax and LayerNormalization."""

from conversion.source.graph import Node
from conversion.tflite import layout
from conversion.tflite.builder import Builder, Emitter
from conversion.tflite.reduction import places


def softmax(builtin: str, **options: float) -> Emitter:
    """Softmax or its logarithm over one axis, which TFLite wants to be the last."""

    def emit(node: Node, builder: Builder) -> None:
        order = layout.with_last(builder.order(node.inputs[0]), node.attributes["axis"])
        builder.write(node, builtin, [builder.read(node.inputs[0], order)], order, **options)

    return emit


def layer_normalisation(node: Node, builder: Builder) -> None:
    """LayerNormalization as simpler operators: TFLite has no operator for it, and XNNPACK takes each of these."""
    name, *affine = node.inputs
    order, shape = builder.order(name), builder.shape(name)
    normalised = range(node.attributes["axis"], len(shape))
    reduced_axes = places(node, normalised, order, builder)
    reduced = tuple(1 if axis in normalised else shape[axis] for axis in order)
    source = builder.read(name, order)
    mean = builder.compute(node, "MEAN", [source, reduced_axes], reduced, keepDims=True)
    centred = builder.compute(node, "SUB", [source, mean])
    square = builder.compute(node, "SQUARE", [centred])
    variance = builder.compute(node, "MEAN", [square, reduced_axes], reduced, keepDims=True)
    safe = builder.compute(node, "ADD", [variance, builder.scalar(node, node.attributes["epsilon"])])
    steps = [("MUL", builder.compute(node, "RSQRT", [safe]))]
    steps += [(builtin, builder.read(part, order)) for builtin, part in zip(("MUL", "ADD"), affine, strict=False)]
    for builtin, operand in steps[:-1]:
        centred = builder.compute(node, builtin, [centred, operand])
    builtin, operand = steps[-1]
    builder.write(node, builtin, [centred, operand], order)
