"""One operator family has one file name: in the canonicaliser, in both emitters, and in Core ML's kernels."""

import ast
import inspect
from collections import defaultdict
from pathlib import Path

import pytest

from conversion.coreml.kernels import KERNELS
from conversion.coreml.operators import OPERATORS as COREML
from conversion.source.canonical.elementwise import unchanged
from conversion.source.canonical.operators import CANONICAL
from conversion.tflite.operators import OPERATORS as TFLITE

CONVERSION = Path(__file__).parents[1] / "conversion"
EMITTERS = {"tflite": {name: entry.emit for name, entry in TFLITE.items()}, "coreml": COREML}
FAMILIES = {
    "conv_transpose",
    "convolution",
    "elementwise",
    "matmul",
    "normalisation",
    "padding",
    "pooling",
    "reduction",
    "resize",
    "shape",
}

ELSEWHERE = {
    ("canonical", "constants"): "what is computed from shapes and constants reaches no emitter",
    ("coreml", "Linear"): "no operator of ONNX: coreml/fusion makes it of MatMul and Add",
    ("kernels", "reduce_log_sum_exp"): "a reduction, which only LogSoftmax needs",
}
"""Families and operators that one room alone has, or has in another file, and why."""


def family(function):
    """The file that holds a function, or the function around it."""
    return function.__module__.rpartition(".")[2]


def excepted(room):
    return {name for where, name in ELSEWHERE if where == room}


def written_by_core_ml():
    """By MIL operator, the families of the emitter that write it."""
    found = defaultdict(set)
    for name in FAMILIES:
        for call in ast.walk(ast.parse((CONVERSION / "coreml" / f"{name}.py").read_text())):
            is_call = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
            if is_call and call.func.attr in ("write", "intermediate") and isinstance(call.args[1], ast.Constant):
                found[call.args[1].value].add(name)
    for function in COREML.values():
        # An operator that has no function of its own is an argument of the function that made its emitter.
        if (operator := inspect.getclosurevars(function).nonlocals.get("operator")) is not None:
            found[operator].add(family(function))
    return found


def test_each_family_has_a_file_in_each_room():
    assert {family(function) for function in CANONICAL.values()} == FAMILIES | excepted("canonical")
    for room in ("source/canonical", "tflite", "coreml", "coreml/kernels"):
        missing = {name for name in FAMILIES if not (CONVERSION / room / f"{name}.py").is_file()}
        assert not missing, f"{room} lacks {missing}"


@pytest.mark.parametrize("room", EMITTERS)
def test_an_operator_is_in_the_file_that_the_canonicaliser_has_it_in(room):
    expected = {name: family(CANONICAL.get(name, unchanged)) for name in EMITTERS[room]}
    found = {name: family(function) for name, function in EMITTERS[room].items()}
    different = {name for name in found if found[name] != expected[name]}

    assert different == excepted(room), {
        name: f"{found.get(name)}; the canonicaliser: {expected.get(name)}" for name in different ^ excepted(room)
    }


def test_a_kernel_is_in_the_file_of_an_emitter_that_writes_its_operator():
    written = written_by_core_ml()
    in_file = {name: family(inspect.unwrap(kernel)) for name, kernel in KERNELS.items()}
    different = {name for name, families in written.items() if in_file[name] not in families}

    assert len(written) > len(FAMILIES)
    assert different == excepted("kernels"), {
        name: f"{in_file.get(name)}; written by {written.get(name)}" for name in different ^ excepted("kernels")
    }
