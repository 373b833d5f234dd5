"""Model files that nobody here wrote: whatever is wrong with them, the command that opens them ends with one line."""

import os
import subprocess
import sys

import numpy as np
import onnx
import pytest

from conversion.inspection import inspect
from conversion.runtimes import isolated
from conversion.runtimes.isolated import IsolatedModel
from conversion.runtimes.litert import open_litert
from conversion.runtimes.process import ROOT, RuntimeFailed
from conversion.tflite.packing import pack
from training.student.errors import BadInput, PocketmaskError

CASES = int(os.environ.get("FUZZ_RUNTIMES", "300"))
"""Of the random changes; `FUZZ_RUNTIMES=1000 python -m pytest conversion/runtimes/isolated_test.py -m slow -s`."""
IMAGE = np.arange(16 * 24 * 3, dtype=np.uint8).reshape(1, 16, 24, 3)


def changed(content, change):
    """A well-formed file with one thing changed in its tables."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    change(model, model.subgraphs[0], schema)
    return pack(model)


def first(model, graph, schema, name):
    """The first operator of a kind."""
    code = getattr(schema.BuiltinOperator, name)
    return next(one for one in graph.operators if model.operatorCodes[one.opcodeIndex].builtinCode == code)


def without_input(name):
    def change(model, graph, schema):
        one = first(model, graph, schema, name)
        one.inputs = [-1, *one.inputs[1:]]

    return change


def without_output(model, graph, schema):
    first(model, graph, schema, "DEQUANTIZE").outputs = [-1]


def without_bias(model, graph, schema):
    one = first(model, graph, schema, "DEPTHWISE_CONV_2D")
    one.inputs = one.inputs[:-1]


FATAL = {
    **{f"{name} input": without_input(name) for name in ("ADD", "SUB", "CONCATENATION", "DEQUANTIZE")},
    "DEQUANTIZE output": without_output,
}


@pytest.fixture
def saved(small_model, tmp_path):
    def write(change):
        path = tmp_path / "changed.tflite"
        path.write_bytes(changed(small_model, change))
        return path

    return write


def test_a_model_gives_in_a_child_what_it_gives_here(small_tflite):
    child = IsolatedModel("litert", small_tflite)
    here = open_litert(small_tflite)

    np.testing.assert_array_equal(child.run([IMAGE])[0], here.run([IMAGE])[0])
    assert (child.inputs, child.outputs) == (here.inputs, here.outputs)
    assert child.milliseconds() > 0


def test_what_a_runtime_raises_leaves_the_model_open(small_tflite):
    model = IsolatedModel("litert", small_tflite)

    with pytest.raises(RuntimeFailed, match=r"[Dd]imension"):
        model.run([IMAGE[:, 1:]])
    with pytest.raises(RuntimeFailed, match="does not hold every float64"):
        model.run([IMAGE.astype("f8")])

    assert model.run([IMAGE])[0].shape == (1, 8, 12, 1)


@pytest.mark.parametrize("name", FATAL)
def test_a_changed_index_is_an_error_and_no_crash(saved, name):
    path = saved(FATAL[name])

    with pytest.raises(BadInput, match=r"^[^\n]*changed.tflite[^\n]*$"):
        inspect(path)


def test_a_file_that_opens_and_then_kills_its_runtime_is_refused_too(saved):
    model = IsolatedModel("litert", saved(without_bias))

    with pytest.raises(BadInput, match=r"^LiteRT died \(SIG[A-Z]+\) on [^\n]*changed.tflite[^\n]*$"):
        model.run([IMAGE])


def test_the_command_itself_ends_with_one_line(saved):
    path = saved(FATAL["ADD input"])

    ended = subprocess.run(
        [sys.executable, "-m", "conversion", "inspect", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == BadInput.exit_code
    assert ended.stdout == ""
    assert ended.stderr.startswith("error: LiteRT died (SIGSEGV) on ")
    assert ended.stderr.count("\n") == 1


def test_a_file_that_asks_for_more_memory_than_there_is_is_refused(monkeypatch, tmp_path):
    text = """<ir_version: 8, opset_import: ["": 18]> net (float[1,1] x) => (float[65536,65536] y)
    <int64[2] shape = {65536, 65536}> { y = Expand (x, shape) }"""
    path = tmp_path / "greedy.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    monkeypatch.setattr(isolated, "available", lambda: 2**31)
    model = IsolatedModel("onnxruntime", path)

    with pytest.raises((BadInput, RuntimeFailed), match=r"memory|alloc"):
        model.run([np.zeros((1, 1), "f4")])


def random_change(rng):
    """One or two fields of the tables become something that a file may say, but hardly means."""

    def change(model, graph, schema):
        for _ in range(rng.integers(1, 3)):
            operator = graph.operators[rng.integers(len(graph.operators))]
            tensor = graph.tensors[rng.integers(len(graph.tensors))]
            anywhere = [
                -1,
                0,
                1,
                len(graph.tensors) - 1,
                len(graph.tensors),
                2**31 - 1,
                int(rng.integers(len(graph.tensors))),
            ]
            index = int(rng.choice(anywhere))
            code = model.operatorCodes[rng.integers(len(model.operatorCodes))]
            match rng.integers(9):
                case 0:
                    operator.inputs = list(operator.inputs)
                    operator.inputs[rng.integers(len(operator.inputs))] = index
                case 1:
                    operator.outputs = [index]
                case 2:
                    operator.inputs = list(operator.inputs)[:-1]
                case 3:
                    operator.builtinOptions, operator.builtinOptionsType = None, 0
                case 4:
                    code.builtinCode = int(rng.integers(200))
                    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
                case 5:
                    tensor.shape = [int(rng.choice([-1, 0, 1, 3, 2**15, 2**31 - 1])) for _ in range(rng.integers(6))]
                case 6:
                    tensor.type = int(rng.integers(20))
                case 7:
                    tensor.buffer = int(rng.integers(len(model.buffers)))
                case 8:
                    graph.operators.reverse()

    return change


@pytest.mark.slow
def test_random_changes_end_no_process_but_the_child(small_model, tmp_path, capsys):
    said = []
    for seed in range(CASES):
        path = tmp_path / f"{seed}.tflite"
        path.write_bytes(changed(small_model, random_change(np.random.default_rng(seed))))
        try:
            model = IsolatedModel("litert", path)
            model.run([IMAGE])
        except (PocketmaskError, RuntimeFailed) as error:
            said.append(str(error))
    dead = sum("died" in line for line in said)
    with capsys.disabled():
        sys.stdout.write(f"seeds 0 to {CASES - 1}: {len(said)} refused, of which {dead} had killed the runtime\n")
    assert 0 < dead < len(said)
    assert not [line for line in said if "\n" in line]
