"""From ONNX operator to the function that writes it into the file, and the types that it takes."""

from collections.abc import Mapping
from dataclasses import dataclass

from conversion.tflite import (
    conv_transpose,
    convolution,
    elementwise,
    matmul,
    normalisation,
    padding,
    pooling,
    reduction,
    resize,
    shape,
)
from conversion.tflite.builder import Emitter
from conversion.tflite.elementwise import plain

FLOAT_OR_INT, ANY = "fi", "fiub"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one of ONNX's operators."""

    emit: Emitter
    """Writes a node of it."""
    kinds: str = "f"
    """Numpy's kinds of the numbers that it takes; uint8 ("u") only moves, since TFLite's arithmetic takes it as
    quantised real numbers."""


OPERATORS: Mapping[str, Entry] = {
    "Abs": Entry(plain("ABS"), FLOAT_OR_INT),
    "Add": Entry(plain("ADD"), FLOAT_OR_INT),
    "And": Entry(plain("LOGICAL_AND"), "b"),
    "ArgMax": Entry(reduction.index_of_extreme("ARG_MAX"), FLOAT_OR_INT),
    "ArgMin": Entry(reduction.index_of_extreme("ARG_MIN"), FLOAT_OR_INT),
    "AveragePool": Entry(pooling.average_pool),
    "Cast": Entry(elementwise.cast, ANY),
    "Ceil": Entry(plain("CEIL")),
    "Clip": Entry(elementwise.clip, FLOAT_OR_INT),
    "Concat": Entry(shape.concat, ANY),
    "Conv": Entry(convolution.convolution),
    "ConvTranspose": Entry(conv_transpose.transposed_convolution),
    "Cos": Entry(plain("COS")),
    "DepthToSpace": Entry(shape.depth_to_space),
    "Div": Entry(plain("DIV"), FLOAT_OR_INT),
    "Elu": Entry(elementwise.elu),
    "Equal": Entry(plain("EQUAL"), "fib"),
    "Exp": Entry(plain("EXP")),
    "Expand": Entry(shape.expand, ANY),
    "Floor": Entry(plain("FLOOR")),
    "Gather": Entry(shape.gather, ANY),
    "Gelu": Entry(elementwise.gelu),
    "Greater": Entry(plain("GREATER"), FLOAT_OR_INT),
    "GreaterOrEqual": Entry(plain("GREATER_EQUAL"), FLOAT_OR_INT),
    "HardSigmoid": Entry(elementwise.hard_sigmoid),
    "HardSwish": Entry(plain("HARD_SWISH")),
    "Identity": Entry(elementwise.identity, ANY),
    "LayerNormalization": Entry(normalisation.layer_normalisation),
    "LeakyRelu": Entry(elementwise.leaky_relu),
    "Less": Entry(plain("LESS"), FLOAT_OR_INT),
    "LessOrEqual": Entry(plain("LESS_EQUAL"), FLOAT_OR_INT),
    "Log": Entry(plain("LOG")),
    "LogSoftmax": Entry(normalisation.softmax("LOG_SOFTMAX")),
    "MatMul": Entry(matmul.matmul),
    "Max": Entry(plain("MAXIMUM"), FLOAT_OR_INT),
    "MaxPool": Entry(pooling.max_pool),
    "Min": Entry(plain("MINIMUM"), FLOAT_OR_INT),
    "Mul": Entry(plain("MUL"), FLOAT_OR_INT),
    "Neg": Entry(plain("NEG"), FLOAT_OR_INT),
    "Not": Entry(plain("LOGICAL_NOT"), "b"),
    "Or": Entry(plain("LOGICAL_OR"), "b"),
    "PRelu": Entry(plain("PRELU")),
    "Pad": Entry(padding.pad, FLOAT_OR_INT),
    "Pow": Entry(elementwise.power),
    "Reciprocal": Entry(elementwise.reciprocal),
    "ReduceMax": Entry(reduction.reduction("REDUCE_MAX"), FLOAT_OR_INT),
    "ReduceMean": Entry(reduction.reduction("MEAN")),
    "ReduceMin": Entry(reduction.reduction("REDUCE_MIN"), FLOAT_OR_INT),
    "ReduceProd": Entry(reduction.reduction("REDUCE_PROD"), FLOAT_OR_INT),
    "ReduceSum": Entry(reduction.reduction("SUM"), FLOAT_OR_INT),
    "Relu": Entry(elementwise.clip),
    "Reshape": Entry(shape.reshape, ANY),
    "Resize": Entry(resize.resize),
    "Round": Entry(plain("ROUND")),
    "Sigmoid": Entry(plain("LOGISTIC")),
    "Sign": Entry(plain("SIGN"), FLOAT_OR_INT),
    "Sin": Entry(plain("SIN")),
    "Slice": Entry(shape.slice_, ANY),
    "Softmax": Entry(normalisation.softmax("SOFTMAX", beta=1.0)),
    "Softplus": Entry(elementwise.softplus),
    "SpaceToDepth": Entry(shape.space_to_depth),
    "Split": Entry(shape.split, ANY),
    "Sqrt": Entry(plain("SQRT")),
    "Sub": Entry(plain("SUB"), FLOAT_OR_INT),
    "Tanh": Entry(plain("TANH")),
    "Tile": Entry(shape.tile, ANY),
    "Transpose": Entry(shape.transpose, ANY),
    "Where": Entry(plain("SELECT_V2"), ANY),
    "Xor": Entry(plain("NOT_EQUAL"), "b"),
}
