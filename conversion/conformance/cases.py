"""Reads the node tests that the onnx package ships, and makes constants of the inputs that networks fix."""

import importlib
import pkgutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import numpy_helper

from training.student.arrays import Array
from training.student.errors import BadInput

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "BatchNormalization": ("scale", "B", "input_mean", "input_var"),
    "CenterCropPad": ("shape",),
    "Clip": ("min", "max"),
    "Conv": ("W", "B"),
    "ConvTranspose": ("W", "B"),
    "CumProd": ("axis",),
    "CumSum": ("axis",),
    "Dropout": ("ratio", "training_mode"),
    "Expand": ("shape",),
    "Gather": ("indices",),
    "GatherElements": ("indices",),
    "GatherND": ("indices",),
    "GroupNormalization": ("scale", "bias"),
    "InstanceNormalization": ("scale", "B"),
    "LayerNormalization": ("Scale", "B"),
    "OneHot": ("depth", "values"),
    "PRelu": ("slope",),
    "Pad": ("pads", "constant_value", "axes"),
    "RMSNormalization": ("scale",),
    "ReduceL1": ("axes",),
    "ReduceL2": ("axes",),
    "ReduceLogSum": ("axes",),
    "ReduceLogSumExp": ("axes",),
    "ReduceMax": ("axes",),
    "ReduceMean": ("axes",),
    "ReduceMin": ("axes",),
    "ReduceProd": ("axes",),
    "ReduceSum": ("axes",),
    "ReduceSumSquare": ("axes",),
    "Reshape": ("shape",),
    "Resize": ("roi", "scales", "sizes"),
    "Slice": ("starts", "ends", "axes", "steps"),
    "Split": ("split",),
    "Squeeze": ("axes",),
    "Tile": ("repeats",),
    "TopK": ("K",),
    "Trilu": ("k",),
    "Unsqueeze": ("axes",),
    "Upsample": ("scales",),
}
"""Inputs that real networks fix but ONNX's tests feed, by their names in ONNX's specification."""

PACKAGE = "onnx.backend.test.case.node"
SUFFIX = "_expanded"
"""Part of the name of a test that runs an operator's definition instead of the operator."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test: a model, its inputs, and the expected outputs."""

    name: str
    operator: str
    """The operator that it tests, even where the model spells out its definition."""
    model: onnx.ModelProto
    inputs: Mapping[str, Any]
    """Arrays; some tests feed sequences, maps or strings."""
    outputs: Mapping[str, Any]
    rtol: float
    atol: float


def read_cases(operators: Sequence[str] = ()) -> list[Case]:
    """Read the cases, in the order of their names.

    Args:
        operators: Only the cases of these operators. For some others, ONNX takes seconds to compute expected outputs.

    Raises:
        BadInput: ONNX has no tests of one of the operators.
    """
    package = importlib.import_module(PACKAGE)
    modules = [module.name for module in pkgutil.iter_modules(package.__path__)]
    wanted = {operator.lower() for operator in operators}
    named = [module for module in modules if module.replace("_", "") in wanted]
    # Computing the expected outputs overflows on purpose, and uses deprecated parts of numpy.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in named if operators and len(named) == len(wanted) else modules:
            importlib.import_module(f"{PACKAGE}.{module}")
    shipped = {case.name: case for case in package._NodeTestCases}
    cases = [_case(shipped[name], shipped[name.split(SUFFIX)[0]]) for name in sorted(shipped)]
    known = sorted({case.operator for case in cases})
    if unknown := sorted(set(operators).difference(known)):
        raise BadInput(f"ONNX has no tests of {', '.join(unknown)}; it has of {', '.join(known)}")
    return [case for case in cases if not operators or case.operator in operators]


def _case(shipped: Any, origin: Any) -> Case:
    """`origin` is the test of the operator itself, of which `shipped` may be the expansion."""
    (node,) = origin.model.graph.node
    ((inputs, outputs),) = shipped.data_sets
    fed = {value.name: _plain(given) for value, given in zip(shipped.model.graph.input, inputs, strict=True)}
    fixed = {name: fed.pop(name) for name in _parameters(node, origin.model) if name in fed}
    return Case(
        name=shipped.name,
        operator=node.op_type,
        model=with_constants(shipped.model, fixed),
        inputs=fed,
        outputs={value.name: _plain(given) for value, given in zip(shipped.model.graph.output, outputs, strict=True)},
        rtol=shipped.rtol,
        atol=shipped.atol,
    )


def _parameters(node: onnx.NodeProto, model: onnx.ModelProto) -> list[str]:
    if node.op_type not in PARAMETERS or node.domain:
        return []
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    formal = [entry.name for entry in onnx.defs.get_schema(node.op_type, opset).inputs]
    return [name for name, role in zip(node.input, formal, strict=False) if role in PARAMETERS[node.op_type]]


def with_constants(model: onnx.ModelProto, constants: Mapping[str, Array]) -> onnx.ModelProto:
    """The same model, with some of its inputs as constants."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    del fixed.graph.input[:]
    fixed.graph.input.extend(value for value in model.graph.input if value.name not in constants)
    fixed.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    return fixed


def _plain(given: Any) -> Any:
    return numpy_helper.to_array(given) if isinstance(given, onnx.TensorProto) else given
