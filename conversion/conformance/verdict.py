"""Whether a target passes a case, refuses it with a reason of ours, or is wrong."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from conversion.conformance.cases import Case
from conversion.conformance.targets import TARGETS
from conversion.source import graph
from training.student.arrays import Array
from training.student.errors import ConversionRefused

Outcome = Literal["passed", "refused", "wrong"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one target on one case."""

    case: str
    operator: str
    target: str
    outcome: Outcome
    detail: str = ""
    """The message of the refusal, or what is wrong with which numbers."""


def judge(cases: Iterable[Case]) -> Iterator[Verdict]:
    """One verdict a case and target; an error that is no refusal of ours counts as wrong."""
    for case in cases:
        for target in TARGETS:
            outcome, detail = _outcome(case, target)
            yield Verdict(case.name, case.operator, target, outcome, detail)


def _outcome(case: Case, target: str) -> tuple[Outcome, str]:
    try:
        found = TARGETS[target](graph.read(case.model), case.inputs)
    except ConversionRefused as error:
        return "refused", str(error)
    # Whatever else escapes is a bug of ours.
    except Exception as error:
        return "wrong", f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    wrong = difference(expected=case.outputs, found=found, rtol=case.rtol, atol=case.atol)
    return ("wrong", wrong) if wrong else ("passed", "")


def difference(*, expected: Mapping[str, Array], found: Mapping[str, Array], rtol: float, atol: float) -> str:
    """What sets two results apart, in words; empty where each element is within atol + rtol · |expected|.

    Numbers are compared and not their types, since a phone's files have no float64, int64 or, for Core ML, bool.
    """
    if expected.keys() != found.keys():
        return f"outputs are {', '.join(found)}, expected {', '.join(expected)}"
    for name, value in expected.items():
        wanted, given = np.asarray(value), found[name]
        if wanted.shape != given.shape:
            return f"'{name}' has shape {given.shape}, expected {wanted.shape}"
        wide = wanted.astype(np.float64)
        alike = np.isclose(given.astype(np.float64), wide, rtol=rtol, atol=atol, equal_nan=True)
        if not alike.all():
            where = tuple(int(index) for index in np.argwhere(~alike)[0])
            return (
                f"'{name}' differs in {np.count_nonzero(~alike)} of {alike.size} elements, first at {where}: "
                f"{given[where]!s}, expected {wanted[where]!s}"
            )
    return ""
