"""The learning curves of a run as a picture."""

from collections.abc import Sequence
from pathlib import Path

from training.student.atomic_write import write_figure


def draw_curves(rows: Sequence[dict[str, float]], path: Path) -> None:
    """Loss and validation IoU over epochs, as PNG; rows have `epoch`, `loss` and `iou`."""
    from matplotlib.figure import Figure

    epochs = [row["epoch"] for row in rows]
    figure = Figure(figsize=(7, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, key, title in ((left, "loss", "training loss"), (right, "iou", "validation IoU")):
        values = [row[key] for row in rows]
        axes.plot(epochs, values, marker=".", color="#3a6ea5")
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
    best = max(rows, key=lambda row: row["iou"])
    right.annotate(
        f"{best['iou']:.3f}",
        (best["epoch"], best["iou"]),
        textcoords="offset points",
        xytext=(0, -14),
        # Centred, the figure of the first or last epoch would run over the frame.
        ha="right" if best["epoch"] > epochs[-1] / 2 else "left",
        fontsize=9,
    )
    write_figure(path, figure)
