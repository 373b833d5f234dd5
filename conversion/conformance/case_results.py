"""Runs cases on every target, and says for each whether it passed, was refused, or is wrong."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from conversion.conformance.cases import Case
from conversion.conformance.targets import GRAPH_RUNNERS
from conversion.source.graph import read_graph
from training.student.arrays import Array
from training.student.errors import ConversionRefused, ParityBreached

Outcome = Literal["passed", "refused", "wrong"]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one target did on one case."""

    case: str
    operator: str
    target: str
    outcome: Outcome
    detail: str = ""
    """The message of the refusal, or the first difference."""


def run_cases(cases: Iterable[Case]) -> Iterator[CaseResult]:
    """One result for each case and target. Any error except `ConversionRefused` counts as wrong."""
    for case in cases:
        for target in GRAPH_RUNNERS:
            outcome, detail = _outcome(case, target)
            yield CaseResult(case.name, case.operator, target, outcome, detail)


def check(results: Iterable[CaseResult]) -> None:
    """Raise if a result is wrong.

    Raises:
        ParityBreached: It counts them.
    """
    if wrong := sum(result.outcome == "wrong" for result in results):
        raise ParityBreached(f"{wrong} results are wrong, listed above")


def _outcome(case: Case, target: str) -> tuple[Outcome, str]:
    try:
        actual = GRAPH_RUNNERS[target](read_graph(case.model), case.inputs)
    except ConversionRefused as error:
        return "refused", str(error)
    # Any other exception is a bug of ours.
    except Exception as error:
        return "wrong", f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    wrong = describe_difference(expected=case.outputs, actual=actual, rtol=case.rtol, atol=case.atol)
    return ("wrong", wrong) if wrong else ("passed", "")


def describe_difference(*, expected: Mapping[str, Array], actual: Mapping[str, Array], rtol: float, atol: float) -> str:
    """Describe the first difference; empty if each element is within atol + rtol · |expected|.

    Numbers are compared without their types: the emitted files have no float64 or int64 and, in Core ML, no bool.
    """
    if expected.keys() != actual.keys():
        return f"outputs are {', '.join(actual)}, expected {', '.join(expected)}"
    for name, value in expected.items():
        expected_values, actual_values = np.asarray(value), actual[name]
        if expected_values.shape != actual_values.shape:
            return f"'{name}' has shape {actual_values.shape}, expected {expected_values.shape}"
        wide = expected_values.astype(np.float64)
        alike = np.isclose(actual_values.astype(np.float64), wide, rtol=rtol, atol=atol, equal_nan=True)
        if not alike.all():
            where = tuple(int(index) for index in np.argwhere(~alike)[0])
            return (
                f"'{name}' differs in {np.count_nonzero(~alike)} of {alike.size} elements, first at {where}: "
                f"{actual_values[where]!s}, expected {expected_values[where]!s}"
            )
    return ""
