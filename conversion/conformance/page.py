"""Writes the results as docs/operators.md; the same results always give the same text."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from importlib.metadata import version

from conversion.conformance.case_results import CaseResult
from conversion.conformance.cases import PARAMETERS, SUFFIX
from conversion.conformance.targets import GRAPH_RUNNERS
from conversion.coreml.operators import OPERATORS as COREML
from conversion.tflite.operators import OPERATORS as TFLITE

_PAGE = """# Operators

Written by `make conformance`; do not edit.

These are the results of the node tests that onnx {version} ships. `conversion.source` reads each test, an emitter
writes it to a file, and the file is run: TFLite in LiteRT's reference kernels, Core ML in the executor, both in
float32.

* passed: every element is within the tolerance that the test itself states.
* refused: a message says what the target cannot express. Nothing is approximated.
* wrong: a number is off, or another error is raised. {wrong}.

Some tests spell out the definition of an operator in simpler operators; they count for the operator that they define.
An operator without tests is one that only our own fusions make.

ONNX's tests feed every input at run time, even the axes of a reduction. Real networks fix the following inputs, so
they are made constants before conversion; all other inputs are fed.

{parameters}

## Passed and refused

{table}

For {count} other operators no test passes, except that tests of the definition pass where it says \\*: {unsupported}.
{reasons}"""


def render_page(results: Sequence[CaseResult]) -> str:
    """The whole page, as Markdown."""
    supported = _supported(results)
    defined = {result.operator for result in results if result.outcome == "passed"}
    unsupported = sorted({result.operator for result in results} - set(supported))
    wrong = [result for result in results if result.outcome == "wrong"]
    head = "| operator | tests |" + "".join(f" {target} passed | refused |" for target in GRAPH_RUNNERS)
    ruler = "|---|---:|" + "---:|---:|" * len(GRAPH_RUNNERS)
    return _PAGE.format(
        version=version("onnx"),
        wrong="No result is wrong" if not wrong else f"**{len(wrong)} results are wrong**, listed at the end",
        parameters=_parameters(),
        table="\n".join([head, ruler, *(operator_row(operator, results) for operator in supported)]),
        count=len(unsupported),
        unsupported=", ".join(f"{operator}\\*" if operator in defined else operator for operator in unsupported),
        reasons="".join(_reasons(target, [v for v in results if v.operator in supported]) for target in GRAPH_RUNNERS)
        + _wrong(wrong),
    )


def as_lines(results: Sequence[CaseResult]) -> str:
    """One line for each result."""
    return "\n".join(f"{each.outcome:8}{each.target:8}{each.case}  {each.detail}" for each in results)


def operator_row(operator: str, results: Sequence[CaseResult]) -> str:
    """The row of one operator in the table."""
    counts = Counter((result.target, result.outcome) for result in results if result.operator == operator)
    tests = len({result.case for result in results if result.operator == operator})
    cells = "".join(f" {counts[target, 'passed']} | {counts[target, 'refused']} |" for target in GRAPH_RUNNERS)
    return f"| {operator} | {tests} |{cells}"


def without_specifics(result: CaseResult) -> str:
    """The message of a refusal without the names, types and numbers of its case, so that equal reasons are equal."""
    what = re.sub(r"^\w+( '[^']*')?: ", "", result.detail.split("; ")[0])
    for specific in (r"'[^']*'", r"[(\[{][^)\]}]*[)\]}]", r"\b[a-zA-Z]*(int|float)\d\w*", r"-?\b\d+(\.\d+)?\b"):
        what = re.sub(specific, "…", what, flags=re.IGNORECASE)
    return what


def _parameters() -> str:
    operators: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for operator, names in PARAMETERS.items():
        operators[names].append(operator)
    return "\n".join(f"* {', '.join(names)}: {', '.join(fixed)}" for names, fixed in sorted(operators.items()))


def _supported(results: Sequence[CaseResult]) -> list[str]:
    passed = {each.operator for each in results if each.outcome == "passed" and SUFFIX not in each.case}
    return sorted(passed | {*TFLITE, *COREML})


def _reasons(target: str, results: Sequence[CaseResult]) -> str:
    """A table of the reasons, each shown by the message of its first case."""
    by_reason: defaultdict[str, list[CaseResult]] = defaultdict(list)
    for result in results:
        if result.target == target and result.outcome == "refused":
            by_reason[without_specifics(result)].append(result)
    lines = []
    for same_reason in sorted(by_reason.values(), key=len, reverse=True):
        operators = sorted(Counter(result.operator for result in same_reason).items())
        words = same_reason[0].detail.split("; known are")[0].replace("|", "/")
        lines.append(
            f"| {len(same_reason)} | {words} | {', '.join(f'{operator} {count}' for operator, count in operators)} |"
        )
    return "\n".join([f"\n## What {target} refuses\n", "| tests | for example | of |", "|---:|---|---|", *lines]) + "\n"


def _wrong(results: Sequence[CaseResult]) -> str:
    lines = [f"* {result.target}, {result.operator}, `{result.case}`: {result.detail}" for result in results]
    return "\n".join(["\n## Wrong\n", *lines]) + "\n" if lines else ""
