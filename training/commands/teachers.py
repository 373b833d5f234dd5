"""Teachers: compare, tune and fine-tune them."""

from functools import partial
from pathlib import Path

import click

from training.commands.group import TeacherCommand, command
from training.commands.parameters import (
    COUNT,
    FILE,
    FILE_OR_FOLDER,
    FOLDER,
    batch_option,
    claim_for_command,
    data_option,
    device_option,
    one_of,
    option,
    overrides_argument,
    pairs_of,
    phrase_option,
    seed_option,
    settings_option,
    string,
    warn,
    weights_option,
)
from training.student.errors import BadInput


@command(
    "compare-teachers",
    cls=TeacherCommand,
    is_brief=True,
    short_help="Compare teachers on photos with masks.",
    example="python -m training compare-teachers --teachers sam3 --data pairs --phrase coin",
)
@option("--teachers", string("NAMES"), "Names, or NAME:SETTINGS.yaml, between commas.", name="given", required=True)
@data_option()
@phrase_option
@option("--out", FOLDER, "Folder to write.", shown="compared/DATA")
@option("--track", one_of(["tensorboard", "mlflow", "wandb"]), "Log on this machine to tensorboard, mlflow or wandb.")
@option(
    "--weights",
    string("NAME=FOLDER"),
    "Folder with a teacher's weights; repeatable.",
    shown="from the hub",
    multiple=True,
)
@device_option
@batch_option
@option("--worst", COUNT, "Worst photos per teacher in worst.png.", default=8)
def compare_teachers_command(
    given: str,
    data: Path,
    phrase: tuple[str, ...],
    out: Path | None,
    track: str | None,
    weights: tuple[str, ...],
    device: str,
    batch: int,
    worst: int,
) -> None:
    """Compare teachers on DATA: print IoU and speed of each, and write tables, figures and the worst photos."""
    from training.teacher import comparison, comparison_report, phrases

    contenders = comparison.parse_teachers(given, weights)
    pairs, asked = pairs_of(data), phrases.parse_phrases(phrase)
    phrases.check_classes(asked, pairs.classes, str(data))
    out = out or Path("compared", data.resolve().name)
    claim_for_command(out.parent, out.name)
    results = comparison.evaluate_teachers(
        contenders, pairs.pairs, asked, device=device, batch=batch, worst=worst, warn=warn
    )
    print(comparison_report.format_table(results))
    comparison_report.write_report(results, out, pairs.classes, tracker=track)
    print(f"{out}: teachers.csv, photos.csv, figures.png, worst.png")


@command(
    "tune",
    cls=TeacherCommand,
    is_brief=True,
    short_help="Tune a teacher's settings on a few pairs.",
    example="python -m training tune classical --data my_pairs --phrase coin --out coin.yaml",
)
@click.argument("name", metavar="TEACHER")
@overrides_argument
@data_option()
@phrase_option
@option("--half", one_of(["a", "b", "both"]), "a, b or both: tune on it, judge on the other half.", shown="tune on all")
@option("--trials", COUNT, "How many settings to try.", default=150)
@seed_option
@settings_option
@option("--out", FILE, "YAML file to write the best settings to.")
@weights_option
@device_option
def tune_command(
    name: str,
    overrides: tuple[str, ...],
    data: Path,
    phrase: tuple[str, ...],
    half: str | None,
    trials: int,
    seed: int,
    settings: Path | None,
    out: Path | None,
    weights: str | None,
    device: str,
) -> None:
    """Search the settings of TEACHER that suit DATA best; KEY=VALUE stays as given."""
    from training import options
    from training.teacher import phrases, teachers, tuning

    if half == "both" and out is not None:
        raise BadInput("--half both finds two sets of settings, --out takes one; choose a half, or leave --half out")
    if out is not None:
        claim_for_command(out.parent, out.name)
    entry = teachers.find_teacher(name)
    start = options.read(entry.options(), name, settings, overrides)
    fixed = [override.partition("=")[0].strip() for override in overrides]
    pairs, asked = pairs_of(data), phrases.parse_phrases(phrase)
    phrases.check_classes(asked, pairs.classes, str(data))
    scorer = partial(tuning.TeacherScorer, entry, phrases=asked, weights=weights, device=device)
    for own, other in tuning.scorers_of_halves(pairs.pairs, half, scorer):
        tuned = tuning.tune_teacher(own, start, fixed=fixed, trials=trials, seed=seed, other=other)
        print(tuned)
        if out is not None:
            tuned.write(out)


@command(
    "adapt",
    short_help="Fine-tune SAM on your pairs with LoRA.",
    example="python -m training adapt --data my_pairs --out my.safetensors rank=4",
)
@overrides_argument
@data_option()
@option("--out", FILE_OR_FOLDER, "Adapter to write, .safetensors; with --ranks a folder.", required=True)
@option(
    "--ranks",
    string("NUMBERS"),
    "Compare these ranks, such as 1,2,4,8: an adapter each, ranks.csv and ranks.png.",
    name="given",
)
@weights_option
@device_option
def adapt_command(
    overrides: tuple[str, ...], data: Path, out: Path, given: str | None, weights: str | None, device: str
) -> None:
    """Fine-tune SAM on DATA with LoRA, and write the adapter to a .safetensors file.

    KEY=VALUE overrides a setting, such as rank; training/teacher/adapt.py lists
    them. Then label with `--teacher grounded-sam adapter=my.safetensors`.
    """
    from training import options
    from training.teacher import adapt, lora_ranks

    claim_for_command(out.parent, out.name)
    chosen = options.read(adapt.Options, "adapt", overrides=overrides)
    if given is None:
        print(adapt.adapt_segmenter(chosen, pairs_of(data), out, weights=weights, device=device))
        return
    ranks = lora_ranks.parse_ranks(given)
    for learnt in lora_ranks.compare_ranks(chosen, pairs_of(data), ranks, out, weights=weights, device=device):
        print(learnt)
