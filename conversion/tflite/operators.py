"""From ONNX operator to the function that writes it into the file."""

from collections.abc import Callable, Mapping

from conversion.graph import Node
from conversion.tflite import axes, elementwise, windows
from conversion.tflite.emission import Emission
from conversion.tflite.resize import resize

OPERATORS: Mapping[str, Callable[[Node, Emission], None]] = {
    "Add": elementwise.binary("ADD"),
    "AveragePool": windows.average_pool,
    "Clip": elementwise.clip,
    "Concat": axes.concat,
    "Conv": windows.convolution,
    "Div": elementwise.binary("DIV"),
    "HardSigmoid": elementwise.hard_sigmoid,
    "HardSwish": elementwise.unary("HARD_SWISH"),
    "MaxPool": windows.max_pool,
    "Mul": elementwise.binary("MUL"),
    "Pad": axes.pad,
    "ReduceMean": axes.reduce_mean,
    "Relu": elementwise.clip,
    "Resize": resize,
    "Sigmoid": elementwise.unary("LOGISTIC"),
    "Softmax": axes.softmax,
    "Sub": elementwise.binary("SUB"),
}
