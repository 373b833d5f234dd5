"""Compares LoRA ranks: fine-tunes on the same pairs at each rank, and writes a table and a plot."""

import csv
from collections.abc import Sequence
from pathlib import Path

from training.data.pairs import Pairs
from training.student.atomic_write import atomic_path, write_figure
from training.student.errors import BadInput
from training.teacher.adapt import AdaptResult, Options, adapt_segmenter


def parse_ranks(given: str) -> tuple[int, ...]:
    """Parse ranks such as `1,2,4,8`.

    Raises:
        BadInput: A rank is not a positive integer, or is given twice.
    """
    parts = [part.strip() for part in given.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts) or len(set(parts)) < len(parts):
        raise BadInput(f"ranks '{given}' are not of the form 1,2,4,8")
    return tuple(map(int, parts))


def compare_ranks(
    options: Options,
    pairs: Pairs,
    ranks: Sequence[int],
    folder: Path,
    *,
    weights: str | None = None,
    device: str = "auto",
) -> list[AdaptResult]:
    """Fine-tune at each rank, and write the adapters, `ranks.csv` and `ranks.png` to `folder`.

    Args:
        options: The options of all runs; the rank is replaced.
        pairs: Photos and masks for training and validation.
        ranks: The ranks to compare.
        folder: Where to write.
        weights: As in `adapt_segmenter`.
        device: As in `adapt_segmenter`.

    Raises:
        BadInput: As `adapt_segmenter`.
    """
    learnt = []
    for rank in ranks:
        chosen = options.model_copy(update={"rank": rank})
        learnt.append(
            adapt_segmenter(chosen, pairs, folder / f"rank{rank}.safetensors", weights=weights, device=device)
        )
    _table(learnt, folder / "ranks.csv")
    _picture(learnt, folder / "ranks.png")
    return learnt


def _table(learnt: Sequence[AdaptResult], path: Path) -> None:
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["rank", "parameters", "things", "before", "after"])
        for one in learnt:
            table.writerow([one.rank, one.parameters, one.instances, f"{one.before:.4f}", f"{one.after:.4f}"])


def _picture(learnt: Sequence[AdaptResult], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    ranks = [one.rank for one in learnt]
    axes.plot(ranks, [one.after for one in learnt], marker=".", color="#3a6ea5", label="adapted")
    axes.axhline(learnt[0].before, color="#999999", linestyle="--", label="before")
    axes.set_xscale("log", base=2)
    axes.set_xticks(ranks, [str(rank) for rank in ranks])
    axes.set_xlabel("rank")
    # The whole range of IoU: an automatic axis would magnify differences in the fourth decimal.
    axes.set_ylim(0, 1)
    axes.set_title(f"mean IoU over {learnt[0].instances} instances", loc="left", fontsize=10)
    axes.legend(frameon=False, fontsize=9)
    axes.grid(alpha=0.3)
    write_figure(path, figure)
