"""Start here: train a student, from pairs or from photos alone."""

import os
import time
from pathlib import Path

import click

from training.commands.group import TeacherCommand, command
from training.commands.parameters import (
    FOLDER,
    FRACTION,
    NAME,
    PATH,
    RUN,
    claim_for_command,
    data_option,
    device_option,
    option,
    overrides_argument,
    pairs_of,
    phrase_option,
    recipe_argument,
    settings_option,
    weights_option,
)


@command(
    "fit",
    short_help="Train a student on photos with masks.",
    example="python -m training fit mobile --data my_pairs epochs=30",
)
@recipe_argument
@overrides_argument
@data_option("Folder of pairs: photos/ and masks/; repeatable.", multiple=True, shown="rendered coins")
@option("--run", FOLDER, "Folder of the run.", shown="runs/RECIPE-DATA")
def fit_command(recipe_name: str, overrides: tuple[str, ...], data: tuple[Path, ...], run: Path | None) -> None:
    """Train the student of RECIPE into a folder of runs/; resume where it stopped.

    RECIPE is a name from training/recipes or a .yaml file. KEY=VALUE overrides a
    setting of it; training/recipe.py lists them. Each of several --data gets the
    same share of every epoch, however many pairs it has.
    """
    started = time.monotonic()
    from training import designs
    from training.data.coins import rendered_folder
    from training.data.merge import merge
    from training.recipe import read_recipe
    from training.run import Run

    chosen = read_recipe(recipe_name, overrides)
    if chosen.latency_ms is not None:
        print(designs.choose(chosen.latency_ms))
    pairs = merge([pairs_of(folder) for folder in data or (rendered_folder(chosen.pairs, chosen.seed),)])
    own = Run(run or Run.default_folder(recipe_name, *data))

    # Takes seconds, which nobody should wait for whose folder or recipe is wrong.
    from training.fit import fit
    from training.loop.processes import processes

    checkpoint = fit(chosen, data=pairs, run=own, started=started)
    if processes(chosen, os.environ).is_first:
        print(f"{own.checkpoint}: validation IoU {checkpoint.facts['validation_iou']:.3f}")


@command(
    "teach",
    cls=TeacherCommand,
    is_brief=True,
    short_help="Train a student on photos alone, by a teacher.",
    example="python -m training teach mobile my_photos --phrase coin",
)
@recipe_argument
@click.argument("photos", type=PATH)
@overrides_argument
@phrase_option
@option("--teacher", NAME, "Teacher that draws masks; see below.", name="name", default="classical")
@settings_option
@data_option("Pairs on which to print the IoU of both.", shown="none")
@option("--drop-above", FRACTION, "Drop masks with a suspicion above this, 0 to 1.", default=0.5)
@option(
    "--agree-with",
    RUN,
    "Another finished run: also train on its data, and keep only pixels on which its student agrees.",
)
@option("--run", FOLDER, "Folder of the run.", shown="runs/RECIPE-PHOTOS")
@weights_option
@device_option
def teach_command(
    recipe_name: str,
    photos: Path,
    overrides: tuple[str, ...],
    phrase: tuple[str, ...],
    name: str,
    settings: Path | None,
    data: Path | None,
    drop_above: float,
    agree_with: Path | None,
    run: Path | None,
    weights: str | None,
    device: str,
) -> None:
    """Label PHOTOS into labelled/, drop doubtful masks, and train the student of RECIPE on the rest."""
    from training import options
    from training.fit import fit
    from training.recipe import read_recipe
    from training.run import Run
    from training.teach import TeacherConfig, agreeing_pairs, compare_with_teacher, curated_pairs
    from training.teacher import phrases, teachers

    chosen, asked = read_recipe(recipe_name, overrides), phrases.parse_phrases(phrase)
    entry = teachers.find_teacher(name)
    judges = pairs_of(data) if data else None
    if judges:
        phrases.check_classes(asked, judges.classes, str(data))
    own = Run(run or Run.default_folder(recipe_name, photos))
    claim_for_command(own.folder)
    drawing = TeacherConfig(entry, options.read(entry.options(), name, settings), asked, weights, device)
    labelled = Path("labelled", f"{photos.resolve().name}-{name}")
    print(drawing.label_folder(photos, labelled))
    if agree_with:
        summary, pairs = agreeing_pairs(drawing, labelled, photos, Run(agree_with), chosen.turn)
        print(summary)
    else:
        pairs = curated_pairs(labelled, drop_above)
        print(f"{labelled}: {len(pairs.dropped)} of {len(pairs.pairs) + len(pairs.dropped)} masks dropped")
    student = fit(chosen, data=pairs, run=own)
    print(f"{own.checkpoint}: validation IoU {student.facts['validation_iou']:.3f}, by its teacher's masks")
    if judges:
        print(compare_with_teacher(drawing, student, judges))
