"""From ONNX operator to the function that writes it into the file."""

from collections.abc import Mapping

from conversion.tflite import conv_transpose, convolution, elementwise, matmul, normalisation, padding, pooling, shape
from conversion.tflite.builder import Emitter
from conversion.tflite.elementwise import plain
from conversion.tflite.reduction import index_of_extreme, reduction
from conversion.tflite.resize import resize

_MOVES = {"Cast", "Concat", "Expand", "Gather", "Identity", "Reshape", "Slice", "Split", "Tile", "Transpose", "Where"}
_COUNTS = {"Abs", "Add", "ArgMax", "ArgMin", "Div", "Max", "Min", "Mul", "Neg", "Pad", "ReduceMax", "ReduceMin"}
_COUNTS |= {"Clip", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "ReduceProd", "ReduceSum", "Sub"}
_DECIDES = {"And", "Not", "Or", "Xor"}


def kinds(operator: str) -> str:
    """The numpy kinds of numbers that an operator takes; to TFLite's arithmetic, bytes stand for real numbers."""
    if operator in _MOVES:
        return "fiub"
    if operator in _COUNTS:
        return "fib" if operator == "Equal" else "fi"
    return "b" if operator in _DECIDES else "f"


OPERATORS: Mapping[str, Emitter] = {
    "Abs": plain("ABS"),
    "Add": plain("ADD"),
    "And": plain("LOGICAL_AND"),
    "ArgMax": index_of_extreme("ARG_MAX"),
    "ArgMin": index_of_extreme("ARG_MIN"),
    "AveragePool": pooling.average_pool,
    "Cast": elementwise.cast,
    "Ceil": plain("CEIL"),
    "Clip": elementwise.clip,
    "Concat": shape.concat,
    "Conv": convolution.convolution,
    "ConvTranspose": conv_transpose.transposed_convolution,
    "Cos": plain("COS"),
    "DepthToSpace": shape.depth_to_space,
    "Div": plain("DIV"),
    "Elu": elementwise.elu,
    "Equal": plain("EQUAL"),
    "Exp": plain("EXP"),
    "Expand": shape.expand,
    "Floor": plain("FLOOR"),
    "Gather": shape.gather,
    "Gelu": elementwise.gelu,
    "Greater": plain("GREATER"),
    "GreaterOrEqual": plain("GREATER_EQUAL"),
    "HardSigmoid": elementwise.hard_sigmoid,
    "HardSwish": plain("HARD_SWISH"),
    "Identity": elementwise.identity,
    "LayerNormalization": normalisation.layer_normalisation,
    "LeakyRelu": elementwise.leaky_relu,
    "Less": plain("LESS"),
    "LessOrEqual": plain("LESS_EQUAL"),
    "Log": plain("LOG"),
    "LogSoftmax": normalisation.softmax("LOG_SOFTMAX"),
    "MatMul": matmul.matmul,
    "Max": plain("MAXIMUM"),
    "MaxPool": pooling.max_pool,
    "Min": plain("MINIMUM"),
    "Mul": plain("MUL"),
    "Neg": plain("NEG"),
    "Not": plain("LOGICAL_NOT"),
    "Or": plain("LOGICAL_OR"),
    "PRelu": plain("PRELU"),
    "Pad": padding.pad,
    "Pow": elementwise.power,
    "Reciprocal": elementwise.reciprocal,
    "ReduceMax": reduction("REDUCE_MAX"),
    "ReduceMean": reduction("MEAN"),
    "ReduceMin": reduction("REDUCE_MIN"),
    "ReduceProd": reduction("REDUCE_PROD"),
    "ReduceSum": reduction("SUM"),
    "Relu": elementwise.clip,
    "Reshape": shape.reshape,
    "Resize": resize,
    "Round": plain("ROUND"),
    "Sigmoid": plain("LOGISTIC"),
    "Sin": plain("SIN"),
    "Slice": shape.slice_,
    "Softmax": normalisation.softmax("SOFTMAX", beta=1.0),
    "Softplus": elementwise.softplus,
    "SpaceToDepth": shape.space_to_depth,
    "Split": shape.split,
    "Sqrt": plain("SQRT"),
    "Sub": plain("SUB"),
    "Tanh": plain("TANH"),
    "Tile": shape.tile,
    "Transpose": shape.transpose,
    "Where": plain("SELECT_V2"),
    "Xor": plain("NOT_EQUAL"),
}
