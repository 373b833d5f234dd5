"""Training: find a learning rate, train all designs, measure the loop."""

from pathlib import Path

import click

from training.commands.group import command
from training.commands.parameters import (
    COUNT,
    FILE,
    FOLDER,
    ValueType,
    claim_for_command,
    data_option,
    option,
    overrides_argument,
    pairs_of,
    recipe_argument,
)


@command(
    "lr-find",
    short_help="Suggest a learning rate, by a range test.",
    example="python -m training lr-find person --data my_pairs",
)
@recipe_argument
@overrides_argument
@data_option()
@option("--steps", ValueType("COUNT", click.IntRange(min=20)), "Batches to try, 20 or more.", default=100)
@option("--out", FILE, "Picture of the loss to write.", shown="RECIPE-DATA-rate.png")
def lr_find_command(recipe_name: str, overrides: tuple[str, ...], data: Path, steps: int, out: Path | None) -> None:
    """Suggest a learning rate for RECIPE on DATA: train a few steps at rising rates, and draw the loss as a PNG."""
    from training.lr_finder import find_learning_rate
    from training.recipe import read_recipe

    path = out or Path(f"{Path(recipe_name).stem}-{data.resolve().name}-rate.png")
    claim_for_command(path.parent, path.name)
    found = find_learning_rate(read_recipe(recipe_name, overrides), pairs_of(data), steps)
    found.draw(path)
    print(f"learning_rate={found.suggested:g}, as {path} shows")


@command(
    "designs",
    short_help="Train every network design of designs.yaml.",
    example="python -m training designs person --data my_pairs",
)
@recipe_argument
@overrides_argument
@data_option("Folder of pairs, photos/ and masks/; a fifth is held out as test set.")
@option("--out", FOLDER, "Folder for the runs.", shown="runs/designs-DATA")
def designs_command(recipe_name: str, overrides: tuple[str, ...], data: Path, out: Path | None) -> None:
    """Train each design of training/designs.yaml with RECIPE, into a run of its own; resume where it stopped.

    Then `python -m conversion bench-designs` measures their speed and accuracy.
    """
    from training.fit import fit
    from training.recipe import read_design_recipes
    from training.run import Run

    pairs = pairs_of(data)
    folder = out or Path("runs") / f"designs-{data.resolve().name}"
    for name, design in read_design_recipes(recipe_name, overrides).items():
        checkpoint = fit(design, data=pairs, run=Run(folder / name))
        print(f"{folder / name}: validation IoU {checkpoint.facts['validation_iou']:.3f}")


@command(
    "bench",
    short_help="Measure the training loop's photos per second.",
    example="python -m training bench mobile --data my_pairs --steps 20",
)
@recipe_argument
@overrides_argument
@data_option()
@option("--steps", COUNT, "Batches to time in each loop.", default=10)
def bench_command(recipe_name: str, overrides: tuple[str, ...], data: Path, steps: int) -> None:
    """Print the photos per second of this training loop, and of a plain PyTorch loop as tutorials write it."""
    from training.recipe import read_recipe
    from training.throughput import measure_throughput

    print(measure_throughput(read_recipe(recipe_name, overrides), pairs_of(data), steps))
