"""From ONNX operator to the function that appends it to the MIL program."""

from collections.abc import Callable, Mapping

from conversion.coreml import axes, elementwise, windows
from conversion.coreml.emission import Emission
from conversion.coreml.resize import resize
from conversion.graph import Node

OPERATORS: Mapping[str, Callable[[Node, Emission], None]] = {
    "Add": elementwise.binary("add"),
    "AveragePool": windows.average_pool,
    "Clip": elementwise.clip,
    "Concat": axes.concat,
    "Conv": windows.convolution,
    "Div": elementwise.binary("real_div"),
    "HardSigmoid": elementwise.hard_sigmoid,
    "HardSwish": elementwise.hard_swish,
    "Identity": elementwise.unary("identity"),
    "MaxPool": windows.max_pool,
    "Mul": elementwise.binary("mul"),
    "Pad": axes.pad,
    "ReduceMean": axes.reduce_mean,
    "Relu": elementwise.unary("relu"),
    "Resize": resize,
    "Sigmoid": elementwise.unary("sigmoid"),
    "Softmax": axes.softmax,
    "Sub": elementwise.binary("sub"),
}
