"""`python -m training`: from photos to a student. Its commands lie in `training.commands`, by section."""

from training.student import installation

try:
    import click

    from training.commands import data, judging, start, teachers, training
    from training.commands.group import CommandGroup
except ModuleNotFoundError as error:
    installation.end_without(error)
    raise

SECTIONS = {
    "Start here": (start.fit_command, start.teach_command),
    "Data": (data.label_command, data.curate_command, data.profile_command, data.render_command),
    "Teachers": (teachers.compare_teachers_command, teachers.tune_command, teachers.adapt_command),
    "Training": (training.lr_find_command, training.designs_command, training.bench_command),
    "Judging": (judging.evaluate_command, judging.compare_command, judging.baseline_command),
}

RENAMED = {
    "rate": "lr-find",
    "rival": "baseline",
    "beside": "compare",
    "compare --teachers": "compare-teachers",
    "curate --to": "--out",
    "designs --to": "--out",
    "lr-find --to": "--out",
    "profile --to": "--out",
    "teach --and": "--agree-with",
}


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    example="python -m training fit mobile --data my_pairs epochs=30",
    sections=SECTIONS,
    renamed=RENAMED,
)
def main() -> None:
    """Label photos with masks, train a student network on them, and judge it."""


if __name__ == "__main__":
    main()
