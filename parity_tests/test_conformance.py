"""ONNX's own node tests: no result is wrong, wrong results are noticed, and docs/operators.md is up to date."""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from conversion.conformance import page
from conversion.conformance.case_results import check, run_cases
from conversion.conformance.cases import read_cases
from conversion.coreml.operators import OPERATORS as COREML
from conversion.tflite.operators import OPERATORS as TFLITE
from training.student.errors import ParityBreached

PAGE = (Path(__file__).parents[1] / "docs" / "operators.md").read_text()
SAMPLE = (
    "Add", "ArgMax", "Clip", "Concat", "Conv", "ConvTranspose", "DepthToSpace", "Gather", "Gemm", "HardSwish",
    "LayerNormalization", "MatMul", "PRelu", "Pad", "ReduceMean", "Reshape", "Resize", "Sign", "Slice", "Softmax",
    "Split", "Transpose", "Where",
)  # fmt: skip
"""All operators would take too long for every run; `make conformance` runs them all."""


@pytest.fixture(scope="module")
def sampled():
    return read_cases(SAMPLE)


@pytest.fixture(scope="module")
def results(sampled):
    return list(run_cases(sampled))


def test_no_result_is_wrong(results):
    wrong = [f"{each.target} {each.case}: {each.detail}" for each in results if each.outcome == "wrong"]

    assert not wrong, "\n".join(wrong)
    check(results)


def test_every_sampled_operator_passes_somewhere(results):
    assert {each.operator for each in results if each.outcome == "passed"} == set(SAMPLE)


def test_the_page_is_up_to_date(results):
    if f"onnx {version('onnx')} " not in PAGE:
        pytest.skip("the page counts the tests of another onnx; `make conformance` rewrites it")
    assert [page.operator_row(operator, results) for operator in SAMPLE] == [
        line for line in PAGE.splitlines() if line.startswith(tuple(f"| {operator} |" for operator in SAMPLE))
    ]


def test_every_operator_of_both_emitters_has_a_row():
    rows = {line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ")}

    assert {*TFLITE, *COREML} <= rows
    assert "No result is wrong" in PAGE


def test_a_wrong_result_is_noticed(sampled):
    (case,) = [case for case in sampled if case.name == "test_conv_with_strides_no_padding"]
    ((name, value),) = case.outputs.items()
    nudged = value.copy()
    nudged.flat[-1] *= 1.01
    for outputs in (
        {name: nudged},
        {name: value[..., ::-1]},
        {name: value[0]},
        {name: np.full_like(value, np.nan)},
        {},
    ):
        wrong = list(run_cases([replace(case, outputs=outputs)]))
        assert {result.outcome for result in wrong} == {"wrong"}
        with pytest.raises(ParityBreached, match=f"{len(wrong)} results are wrong"):
            check(wrong)


def test_an_error_that_is_no_refusal_is_wrong(sampled):
    (case,) = [case for case in sampled if case.name == "test_conv_with_strides_no_padding"]
    for result in run_cases([replace(case, inputs={})]):
        assert result.outcome == "wrong"
        assert "KeyError" in result.detail
