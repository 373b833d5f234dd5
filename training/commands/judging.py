"""Judging: measure a student, and compare it with others."""

from pathlib import Path

import click

from training.commands.group import command
from training.commands.json_envelope import show
from training.commands.parameters import (
    FOLDER,
    PATH,
    ValueType,
    claim_for_command,
    data_option,
    json_option,
    option,
    overrides_argument,
    pairs_of,
    recipe_argument,
    run_argument,
    switch,
    warn,
)


@command(
    "evaluate",
    short_help="Measure a student's accuracy; write a page.",
    example="python -m training evaluate runs/mobile-my_pairs --robustness",
)
@run_argument
@data_option(shown="RUN's held-out pairs")
@option("--human", FOLDER, "Masks of these photos drawn by people.")
@switch("--robustness", "Also try other resizers, aspect ratios, JPEG, noise, low light and rotation.")
@option("--worst", ValueType("COUNT", click.IntRange(min=0)), "How many of the worst photos to show.", default=8)
@json_option
def evaluate_command(run_folder: Path, data: Path | None, human: Path | None, robustness: bool, worst: int) -> None:
    """Measure the accuracy of RUN's student, by the teacher's masks and by people's.

    Writes a page, figures and pictures to RUN/evaluation-held-out, or
    RUN/evaluation-DATA.
    """
    from training.evaluation import report
    from training.evaluation.mean_iou import refuse_other_classes
    from training.run import Run
    from training.student.checkpoint import load_checkpoint

    run = Run(run_folder)
    student = load_checkpoint(run.checkpoint)
    pairs = pairs_of(data) if data else run.held_out_pairs()
    refuse_other_classes(student.contract, pairs)
    if data and (learnt := run.learnt_from(pairs)):
        warn(f"note: {learnt} of these {len(pairs.pairs)} photos were learnt from; leave --data out")
    where = data.resolve().name if data else "held-out"
    out = run.evaluation(where)
    claim_for_command(out.parent, out.name)
    title = f"{run_folder.resolve().name} on {where}"
    found = report.report_student(student, pairs, title, human=human, robustness=robustness, worst=worst)
    report.write_evaluation(found, out)
    lines = [
        *found.lines(),
        *(f"{failure.iou:.3f}  {failure.pair.name}" for failure in found.findings.worst),
        f"{out}: evaluation.html, evaluation.json, photos.csv, pictures",
        f"mean IoU {found.mean.value:.4f} over {len(pairs.pairs)} photos of {pairs.folder}",
    ]
    show("\n".join(lines), {**report.as_record(found), "folder": out})


@command(
    "compare",
    short_help="Compare the students of several runs.",
    example="python -m training compare runs/mobile-my_pairs runs/person-my_pairs",
)
@click.argument("run_folders", nargs=-1, required=True, type=PATH, metavar="RUN RUN...")
@data_option(shown="the first RUN's held-out pairs")
@option("--out", FOLDER, "Folder to write.", shown="compared/RUN-RUN")
@json_option
def compare_command(run_folders: tuple[Path, ...], data: Path | None, out: Path | None) -> None:
    """Compare the students of several runs on the same photos, and write a table; of several classes a picture, too.

    The picture shows which classes each student takes for which.
    """
    from training.evaluation.compare import (
        as_record,
        describe_students,
        evaluate_runs,
        refuse_another_folder,
        write_comparison,
    )
    from training.run import Run
    from training.student.checkpoint import load_checkpoint

    out = out or Path("compared", "-".join(folder.resolve().name for folder in run_folders))
    refuse_another_folder(out)
    runs = [Run(folder) for folder in run_folders]
    students = [load_checkpoint(run.checkpoint) for run in runs]
    pairs = pairs_of(data) if data else runs[0].held_out_pairs()
    claim_for_command(out.parent, out.name)
    found = evaluate_runs(runs, students, pairs, warn=warn)
    text = write_comparison(found, describe_students(students), out)
    written = f"{out}: comparison.md{', confusion.png' if len(pairs.classes) > 1 else ''}"
    show(f"{text}\n{written}", {"students": as_record(found), "photos": len(pairs.pairs), "folder": out})


@command(
    "baseline",
    short_help="Compare a student with the usual UNet.",
    example="python -m training baseline mobile --data my_pairs",
)
@recipe_argument
@overrides_argument
@data_option()
def baseline_command(recipe_name: str, overrides: tuple[str, ...], data: Path) -> None:
    """Train RECIPE's student and smp.Unet("mobilenet_v2") in the same way, and print the validation IoU of both."""
    from training.baseline_comparison import compare_with_baseline
    from training.recipe import read_recipe

    print(compare_with_baseline(read_recipe(recipe_name, overrides), pairs_of(data)))
