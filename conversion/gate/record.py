"""The last measured drift of each hop, beside its budget: `verify --record` writes it to the end of budgets.yaml."""

import math
from pathlib import Path

from conversion.gate.drift import BUDGETS, Budget, Drift, read_budgets
from conversion.gate.parity import Parity
from training.student.atomic_write import write_text

_HEAD = "\n# What each hop last did, of what its budget limits: written by `verify RUN --record`.\nmeasured:\n"


def record(parity: Parity, run: str, path: Path = BUDGETS) -> None:
    """Replace the measured figures with those of a verdict; budgets, hops and their comments stay as they are.

    Args:
        parity: Of the run.
        run: Its name.
        path: Of the budgets.
    """
    budgets, _ = read_budgets(path)
    kept, _, _ = path.read_text(encoding="utf-8").partition(_HEAD)
    lines = [f"  run: {run}", f"  photos: {len(parity.photos)}", "  hops:"]
    for result in parity.hops:
        lines.append(f"    {result.hop}: {{{_figures(result.drift, budgets[result.hop.budget])}}}")
    write_text(path, kept + _HEAD + "\n".join(lines) + "\n")


def _figures(drift: Drift, budget: Budget) -> str:
    return ", ".join(f"{name}: {_number(getattr(drift, name))}" for name in budget)


def _number(value: float) -> str:
    """To three digits, as YAML 1.1 reads it: with a point, and an infinity of its own."""
    if math.isinf(value) or math.isnan(value):
        return f"{'-' if value < 0 else ''}.{'nan' if math.isnan(value) else 'inf'}"
    return f"{value:.3g}" if "e" not in f"{value:.3g}" else f"{value:.2e}"
