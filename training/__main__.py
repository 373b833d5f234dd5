"""`python -m training`: from photos to a student. Parses, calls, prints; no logic lives here."""

import os
from functools import partial
from pathlib import Path

import click

from training.command import (
    COUNT,
    FILE,
    FILE_OR_FOLDER,
    FOLDER,
    FRACTION,
    NAME,
    PATH,
    RUN,
    Commands,
    Kind,
    TeacherCommand,
    batch_option,
    data_option,
    device_option,
    json_option,
    one_of,
    option,
    overrides_argument,
    pairs_of,
    phrase_option,
    recipe_argument,
    run_argument,
    seed_option,
    settings_option,
    string,
    switch,
    warn,
    weights_option,
)
from training.student.errors import BadInput

SECTIONS = {
    "Start here": ("fit", "teach"),
    "Data": ("label", "curate", "profile", "render"),
    "Teachers": ("compare-teachers", "tune", "adapt"),
    "Training": ("lr-find", "designs", "bench"),
    "Judging": ("evaluate", "compare", "baseline"),
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
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    example="python -m training fit mobile --data my_pairs epochs=30",
    sections=SECTIONS,
    renamed=RENAMED,
)
def main() -> None:
    """Label photos with masks, train a student network on them, and judge it."""


@main.command(
    "label",
    cls=TeacherCommand,
    short_help="Label photos with masks; resume where it stopped.",
    example="python -m training label my_photos --phrase coin --teacher classical",
)
@click.argument("photos", type=PATH)
@overrides_argument
@phrase_option
@option("--teacher", NAME, "Teacher that draws masks; see below.", name="name", required=True)
@settings_option
@weights_option
@device_option
@option("--out", FOLDER, "Folder of pairs to write.", shown="labelled/PHOTOS-NAME")
@option("--shard", string("I/N"), "Label one share, such as 1/4.", name="share_given", shown="torchrun or SLURM")
@batch_option
@option("--empty", one_of(["keep", "drop"]), "keep or drop photos without the object.", default="keep")
def label_command(
    photos: Path,
    overrides: tuple[str, ...],
    phrase: tuple[str, ...],
    name: str,
    settings: Path | None,
    weights: str | None,
    device: str,
    out: Path | None,
    share_given: str | None,
    batch: int,
    empty: str,
) -> None:
    """Label PHOTOS with masks and write a folder of pairs; resume where it stopped."""
    from training import options
    from training.teacher import phrases, shard, sources, teachers
    from training.teacher.job import label_photos
    from training.teacher.labelled_folder import LabelledFolder

    entry = teachers.find_teacher(name)
    knobs = options.read(entry.options(), name, settings, overrides)
    asked = phrases.parse_phrases(phrase)
    share = shard.parse_shard(share_given) if share_given else shard.from_environment(os.environ)
    out = out or Path("labelled", f"{photos.resolve().name}-{name}")
    found = sources.find_photos(photos, exclude=out)
    to = LabelledFolder(out, keep_empty=empty == "keep")
    teacher = entry.build(knobs, asked, weights, shard.choose_device(device, os.environ))
    print(label_photos(found, teacher, to, share=share, batch=batch))


@main.command(
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
    results = comparison.evaluate_teachers(
        contenders, pairs.pairs, asked, device=device, batch=batch, worst=worst, warn=warn
    )
    print(comparison_report.format_table(results))
    comparison_report.write_report(results, out, pairs.classes, tracker=track)
    print(f"{out}: teachers.csv, photos.csv, figures.png, worst.png")


@main.command(
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


@main.command(
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

    chosen = options.read(adapt.Options, "adapt", overrides=overrides)
    if given is None:
        print(adapt.adapt_segmenter(chosen, pairs_of(data), out, weights=weights, device=device))
        return
    ranks = lora_ranks.parse_ranks(given)
    for learnt in lora_ranks.compare_ranks(chosen, pairs_of(data), ranks, out, weights=weights, device=device):
        print(learnt)


@main.command(
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
    from training import designs, fit
    from training.data.coins import rendered_folder
    from training.data.merge import merge
    from training.loop.processes import processes
    from training.recipe import read_recipe
    from training.run import Run

    chosen = read_recipe(recipe_name, overrides)
    if chosen.latency_ms is not None:
        print(designs.choose(chosen.latency_ms))
    pairs = merge([pairs_of(folder) for folder in data or (rendered_folder(chosen.pairs, chosen.seed),)])
    own = Run(run or Run.default_folder(recipe_name, *data))
    checkpoint = fit.fit(chosen, data=pairs, run=own)
    if processes(chosen, os.environ).is_first:
        print(f"{own.checkpoint}: validation IoU {checkpoint.facts['validation_iou']:.3f}")


@main.command(
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


@main.command(
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
    drawing = TeacherConfig(entry, options.read(entry.options(), name, settings), asked, weights, device)
    labelled = Path("labelled", f"{photos.resolve().name}-{name}")
    print(drawing.label_folder(photos, labelled))
    if agree_with:
        summary, pairs = agreeing_pairs(drawing, labelled, photos, Run(agree_with), chosen.turn)
        print(summary)
    else:
        pairs = curated_pairs(labelled, drop_above)
        print(f"{labelled}: {len(pairs.dropped)} of {len(pairs.pairs) + len(pairs.dropped)} masks dropped")
    own = Run(run or Run.default_folder(recipe_name, photos))
    student = fit(chosen, data=pairs, run=own)
    print(f"{own.checkpoint}: validation IoU {student.facts['validation_iou']:.3f}, by its teacher's masks")
    if judges:
        print(compare_with_teacher(drawing, student, judges))


@main.command(
    "render",
    short_help="Render coin photos with exact masks.",
    example="python -m training render rendered --count 100 --seed 1",
)
@click.argument("folder", type=PATH)
@option("--count", COUNT, "How many photos to render.", default=900)
@seed_option
def render_command(folder: Path, count: int, seed: int) -> None:
    """Render coin photos with exact masks, and write them to FOLDER as pairs: photos/ and masks/."""
    from training.data.coins import write_pairs

    write_pairs(folder, count=count, seed=seed)
    print(f"{folder}: {count} pairs")


@main.command(
    "curate",
    short_help="Review masks on a page, most suspicious first.",
    example="python -m training curate labelled/my_photos-sam3",
)
@click.argument("folder", type=PATH)
@option("--against", FOLDER, "Pairs of the same photos, labelled by another teacher, to find disagreement.")
@option("--most", COUNT, "Show at most this many photos.", default=500)
@option("--drop-above", FRACTION, "Drop all masks with a suspicion above this, 0 to 1, at once.")
@switch("--replace", "Let --drop-above replace another dropped.txt.")
@option("--out", FILE, "Page to write.", shown="FOLDER/curate.html")
def curate_command(
    folder: Path, against: Path | None, most: int, drop_above: float | None, replace: bool, out: Path | None
) -> None:
    """Write a page that shows the masks of FOLDER, most suspicious first, for you to drop bad ones.

    Your choice goes into FOLDER/dropped.txt, one name a line. All other commands
    leave out the photos that it names.
    """
    from training.data import curate
    from training.data.pairs import read_pairs
    from training.data.suspicion import rank_by_suspicion

    pairs = read_pairs(folder, dropped=True)
    others = read_pairs(against, dropped=True) if against else None
    ranked = rank_by_suspicion(pairs, others)
    if drop_above is not None:
        count = curate.drop_above(drop_above, pairs, ranked, replace=replace)
        print(f"{folder / 'dropped.txt'}: {count} of {len(ranked)} photos are above {drop_above}")
    path = out or folder / "curate.html"
    shown = curate.write_curation_page(path, pairs, ranked, most=most, against=others)
    print(f"{path}: {shown} of {len(ranked)} photos, most suspicious first")


@main.command(
    "profile",
    short_help="Show what a folder of pairs contains.",
    example="python -m training profile my_pairs",
)
@click.argument("folder", type=PATH)
@option("--out", FILE, "Page to write.", shown="FOLDER/profile.html")
def profile_command(folder: Path, out: Path | None) -> None:
    """Write a page that shows what the pairs of FOLDER contain: photo sizes, mask areas, scores, classes."""
    from training.data import dataset_profile

    path = out or folder / "profile.html"
    counts = dataset_profile.write_profile_page(path, pairs_of(folder))
    print(f"{path}: {', '.join(f'{count} {what}' for what, count in counts.items() if count)}")


@main.command(
    "evaluate",
    short_help="Measure a student's accuracy; write a page.",
    example="python -m training evaluate runs/mobile-my_pairs --robustness",
)
@run_argument
@data_option(shown="RUN's held-out pairs")
@option("--human", FOLDER, "Masks of these photos drawn by people.")
@switch("--robustness", "Also try other resizers, aspect ratios, JPEG, noise, low light and rotation.")
@option("--worst", Kind("COUNT", click.IntRange(min=0)), "How many of the worst photos to show.", default=8)
@json_option
def evaluate_command(
    run_folder: Path, data: Path | None, human: Path | None, robustness: bool, worst: int, as_json: bool
) -> None:
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
    title = f"{run_folder.resolve().name} on {where}"
    found = report.report_student(student, pairs, title, human=human, robustness=robustness, worst=worst)
    out = run.evaluation(where)
    report.write_evaluation(found, out)
    if as_json:
        print((out / "evaluation.json").read_text(encoding="utf-8"))
        return
    for line in found.lines():
        print(line)
    for failure in found.findings.worst:
        print(f"{failure.iou:.3f}  {failure.pair.name}")
    print(f"{out}: evaluation.html, evaluation.json, photos.csv, pictures")
    print(f"mean IoU {found.mean.value:.4f} over {len(pairs.pairs)} photos of {pairs.folder}")


@main.command(
    "compare",
    short_help="Compare the students of several runs.",
    example="python -m training compare runs/mobile-my_pairs runs/person-my_pairs",
)
@click.argument("run_folders", nargs=-1, required=True, type=PATH, metavar="RUN RUN...")
@data_option(shown="the first RUN's held-out pairs")
@option("--out", FOLDER, "Folder to write.", shown="compared/RUN-RUN")
def compare_command(run_folders: tuple[Path, ...], data: Path | None, out: Path | None) -> None:
    """Compare the students of several runs on the same photos, and write a table; of several classes a picture, too.

    The picture shows which classes each student takes for which.
    """
    from training.evaluation.compare import describe_students, evaluate_runs, write_comparison
    from training.run import Run
    from training.student.checkpoint import load_checkpoint

    runs = [Run(folder) for folder in run_folders]
    students = [load_checkpoint(run.checkpoint) for run in runs]
    pairs = pairs_of(data) if data else runs[0].held_out_pairs()
    found = evaluate_runs(runs, students, pairs, warn=warn)
    out = out or Path("compared", "-".join(folder.resolve().name for folder in run_folders))
    print(write_comparison(found, describe_students(students), out))
    print(f"{out}: comparison.md{', confusion.png' if len(pairs.classes) > 1 else ''}")


@main.command(
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


@main.command(
    "lr-find",
    short_help="Suggest a learning rate, by a range test.",
    example="python -m training lr-find person --data my_pairs",
)
@recipe_argument
@overrides_argument
@data_option()
@option("--steps", Kind("COUNT", click.IntRange(min=20)), "Batches to try, 20 or more.", default=100)
@option("--out", FILE, "Picture of the loss to write.", shown="RECIPE-DATA-rate.png")
def lr_find_command(recipe_name: str, overrides: tuple[str, ...], data: Path, steps: int, out: Path | None) -> None:
    """Suggest a learning rate for RECIPE on DATA: train a few steps at rising rates, and draw the loss as a PNG."""
    from training.lr_finder import find_learning_rate
    from training.recipe import read_recipe

    path = out or Path(f"{Path(recipe_name).stem}-{data.resolve().name}-rate.png")
    found = find_learning_rate(read_recipe(recipe_name, overrides), pairs_of(data), steps)
    found.draw(path)
    print(f"learning_rate={found.suggested:g}, as {path} shows")


@main.command(
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


if __name__ == "__main__":
    main()
