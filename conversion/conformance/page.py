"""The verdicts as docs/operators.md, the same text for the same verdicts."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from importlib.metadata import version

from conversion.conformance.cases import PARAMETERS, SUFFIX
from conversion.conformance.targets import TARGETS
from conversion.conformance.verdict import Verdict
from conversion.coreml.operators import OPERATORS as COREML
from conversion.tflite.operators import OPERATORS as TFLITE

_PAGE = """# Operators

Written by `python -m conversion conformance --write`; do not edit.

The node tests that onnx {version} ships, each read by `conversion.source`, emitted, and run from the emitted file:
TFLite in LiteRT's reference kernels, Core ML in the executor, both in float32. A test passes where every element is
within the tolerance that the test itself states. It is *refused* where we say in one line what the target cannot
express; nothing is approximated. It is *wrong* where a number is off or any other error escapes: {wrong}.
A test of an operator's definition, which spells the operator out in simpler ones, counts with the operator; an
operator without tests is one that only our own fusions make.

ONNX's tests feed everything at run time, even the axes of a reduction. These inputs, which networks fix, are made
constants first; all others are fed.

{parameters}

## Passed and refused

{table}

No test passes of the {count} further operators that have some, unless it spells out their definition (\\*): {absent}.
{reasons}"""


def render(verdicts: Sequence[Verdict]) -> str:
    """The whole page."""
    covered = _covered(verdicts)
    defined = {verdict.operator for verdict in verdicts if verdict.outcome == "passed"}
    absent = sorted({verdict.operator for verdict in verdicts} - set(covered))
    wrong = [verdict for verdict in verdicts if verdict.outcome == "wrong"]
    head = "| operator | tests |" + "".join(f" {target} passed | refused |" for target in TARGETS)
    ruler = "|---|---:|" + "---:|---:|" * len(TARGETS)
    return _PAGE.format(
        version=version("onnx"),
        wrong="no verdict is" if not wrong else f"**{len(wrong)} are**, listed at the end",
        parameters=_parameters(),
        table="\n".join([head, ruler, *(row(operator, verdicts) for operator in covered)]),
        count=len(absent),
        absent=", ".join(f"{operator}\\*" if operator in defined else operator for operator in absent),
        reasons="".join(_reasons(target, [v for v in verdicts if v.operator in covered]) for target in TARGETS)
        + _wrong(wrong),
    )


def as_lines(verdicts: Sequence[Verdict]) -> str:
    """One line a verdict."""
    return "\n".join(f"{each.outcome:8}{each.target:8}{each.case}  {each.detail}" for each in verdicts)


def row(operator: str, verdicts: Sequence[Verdict]) -> str:
    """The line of one operator in the table."""
    counts = Counter((verdict.target, verdict.outcome) for verdict in verdicts if verdict.operator == operator)
    tests = len({verdict.case for verdict in verdicts if verdict.operator == operator})
    cells = "".join(f" {counts[target, 'passed']} | {counts[target, 'refused']} |" for target in TARGETS)
    return f"| {operator} | {tests} |{cells}"


def reason(verdict: Verdict) -> str:
    """A refusal's message without the names, types and numbers of its case: the same for the same reason."""
    what = re.sub(r"^\w+( '[^']*')?: ", "", verdict.detail.split("; ")[0])
    for specific in (r"'[^']*'", r"[(\[{][^)\]}]*[)\]}]", r"\b[a-zA-Z]*(int|float)\d\w*", r"-?\b\d+(\.\d+)?\b"):
        what = re.sub(specific, "…", what, flags=re.IGNORECASE)
    return what


def _parameters() -> str:
    operators: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for operator, names in PARAMETERS.items():
        operators[names].append(operator)
    return "\n".join(f"* {', '.join(names)}: {', '.join(fixed)}" for names, fixed in sorted(operators.items()))


def _covered(verdicts: Sequence[Verdict]) -> list[str]:
    passed = {each.operator for each in verdicts if each.outcome == "passed" and SUFFIX not in each.case}
    return sorted(passed | {*TFLITE, *COREML})


def _reasons(target: str, verdicts: Sequence[Verdict]) -> str:
    """Each reason in the words of its first case."""
    found: defaultdict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.target == target and verdict.outcome == "refused":
            found[reason(verdict)].append(verdict)
    lines = []
    for alike in sorted(found.values(), key=len, reverse=True):
        operators = sorted(Counter(verdict.operator for verdict in alike).items())
        words = alike[0].detail.split("; known are")[0].replace("|", "/")
        lines.append(
            f"| {len(alike)} | {words} | {', '.join(f'{operator} {count}' for operator, count in operators)} |"
        )
    return "\n".join([f"\n## What {target} refuses\n", "| tests | for example | of |", "|---:|---|---|", *lines]) + "\n"


def _wrong(verdicts: Sequence[Verdict]) -> str:
    lines = [f"* {verdict.target}, {verdict.operator}, `{verdict.case}`: {verdict.detail}" for verdict in verdicts]
    return "\n".join(["\n## Wrong\n", *lines]) + "\n" if lines else ""
