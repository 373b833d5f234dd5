"""The report of a run in its three forms: a page that opens from disk, the same as JSON, and a model card."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from conversion.report import card, page
from conversion.report.facts import Facts, gather
from training.run import Run
from training.student.atomic_write import write_json, write_text

SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"
"""What report.json holds, as JSON Schema: `schema()`, kept where readers of the file look."""


def write_report(run: Run) -> None:
    """Write report.html, report.json and MODEL_CARD.md from what the run's folder holds; no model runs.

    Raises:
        BadInput: The run has not been trained, exported and verified yet.
    """
    facts = gather(run)
    page.write(facts, run)
    write_json(run.report.with_suffix(".json"), TypeAdapter(Facts).dump_python(facts))
    write_text(run.card, card.render(facts))


def update_reports(runs: Iterable[Run]) -> None:
    """Write the report of each run again, where it has one.

    Raises:
        BadInput: As `write_report`.
    """
    for run in runs:
        if run.report.is_file():
            write_report(run)


def schema() -> str:
    """JSON Schema of report.json."""
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema", **TypeAdapter(Facts).json_schema()}
    return json.dumps(_with_null(found), indent=1) + "\n"


def _with_null(schema: Any) -> Any:
    """The same, but every number may be null: JSON has no infinity, which is the PSNR of two equal tensors."""
    if isinstance(schema, dict):
        found = {key: _with_null(value) for key, value in schema.items()}
        return {**found, "type": ["number", "null"]} if found.get("type") == "number" else found
    return [_with_null(each) for each in schema] if isinstance(schema, list) else schema
