"""`python -m training`: from pairs to a student. Parses, calls, prints; no logic lives here."""

import os
from pathlib import Path

import click

from training.command import Commands, TeacherCommand, as_json, pairs_of
from training.student.errors import BadInput

_folder = click.Path(path_type=Path)
_natural = click.IntRange(min=0)
_positive = click.IntRange(min=1)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    example="python -m training fit mobile --data my_pairs epochs=30",
)
def main() -> None:
    """From photos with masks to a student checkpoint."""


@main.command(
    cls=TeacherCommand,
    short_help="Draw masks on photos, or go on with it.",
    example="python -m training label my_photos --phrase coin --teacher classical",
)
@click.argument("photos", type=_folder)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--phrase", multiple=True, required=True, help="coin, or NAME=TEXT,TEXT; once a class.")
@click.option("--teacher", required=True, help="Who draws, as listed below.")
@click.option("--settings", "settings_file", type=_folder, help="YAML file of the teacher's knobs.")
@click.option("--weights", help="Folder with its weights  [default: from the hub]")
@click.option("--device", default="auto", help="As torch names it.")
@click.option("--out", type=_folder, help="[default: labelled/PHOTOS-TEACHER]")
@click.option("--shard", "share_given", help="1/4 to 4/4: a share  [default: by torchrun or SLURM]")
@click.option("--batch", default=8, type=_positive, help="Photos at once.")
@click.option("--empty", default="keep", type=click.Choice(["keep", "drop"]), help="Where nothing is found.")
def label(
    photos: Path,
    overrides: tuple[str, ...],
    phrase: tuple[str, ...],
    teacher: str,
    settings_file: Path | None,
    weights: str | None,
    device: str,
    out: Path | None,
    share_given: str | None,
    batch: int,
    empty: str,
) -> None:
    """Draw masks on all PHOTOS, or go on with it; KEY=VALUE is a teacher's knob."""
    from training import options
    from training.teacher import phrases, shard, sources, teachers
    from training.teacher.job import label as draw
    from training.teacher.labelled_folder import Labelled

    entry = teachers.named(teacher)
    settings = options.read(entry.knobs(), teacher, settings_file, overrides)
    asked = phrases.read(phrase)
    share = shard.read(share_given) if share_given else shard.from_environment(os.environ)
    out = out or Path("labelled", f"{photos.resolve().name}-{teacher}")
    found = sources.find(photos, besides=out)
    to = Labelled(out, keep_empty=empty == "keep")
    chosen = entry.build(settings, asked, weights, shard.device(device, os.environ))
    print(draw(found, chosen, to, share=share, batch=batch))


@main.command(
    cls=TeacherCommand,
    short_help="Hold teachers against the masks of DATA.",
    example="python -m training compare --teachers sam3 --data pairs --phrase coin",
)
@click.option("--teachers", "given", required=True, help="NAME or NAME:SETTINGS.yaml, commas between.")
@click.option("--data", type=_folder, required=True, help="Folder with photos/ and masks/.")
@click.option("--phrase", multiple=True, required=True, help="As for label.")
@click.option("--out", type=_folder, help="[default: compared/DATA]")
@click.option(
    "--track",
    type=click.Choice(["tensorboard", "mlflow", "wandb"]),
    metavar="TRACKER",
    help="tensorboard, mlflow or wandb, on this machine.",
)
@click.option("--weights", multiple=True, help="NAME=FOLDER, once a teacher.")
@click.option("--device", default="auto", help="As torch names it.")
@click.option("--batch", default=8, type=_positive, help="Photos at once.")
@click.option("--worst", default=8, type=_positive, help="Photos a teacher on the sheet of the worst.")
def compare(
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
    """Hold teachers against the masks of DATA: how well, how fast, where worst."""
    from training.teacher import comparison, comparison_report, phrases

    contenders = comparison.contenders(given, weights)
    pairs, asked = pairs_of(data), phrases.read(phrase)
    phrases.check(asked, pairs.classes, str(data))
    out = out or Path("compared", data.resolve().name)
    results = []
    for contender in contenders:
        try:
            results.append(comparison.compare(contender, pairs.pairs, asked, device=device, batch=batch, worst=worst))
        except BadInput as error:
            click.echo(f"{contender.label} is left out: {error}", err=True)
    if not results:
        raise BadInput("no teacher was left to compare; see above")
    print(comparison_report.table(results))
    comparison_report.write(results, out, pairs.classes, tracker=track)
    print(f"{out}: teachers.csv, photos.csv, figures.png, worst.png")


@main.command(
    cls=TeacherCommand,
    short_help="Find a teacher's knobs that suit a few pairs.",
    example="python -m training tune classical --data my_pairs --phrase coin",
)
@click.argument("teacher")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data", type=_folder, required=True, help="Folder with photos/ and masks/.")
@click.option("--phrase", multiple=True, required=True, help="As for label.")
@click.option("--half", type=click.Choice(["a", "b", "both"]), help="Tune on that, judge on the other  [default: all]")
@click.option("--trials", default=150, show_default=True, type=_positive)
@click.option("--seed", default=0, show_default=True, type=_natural)
@click.option("--settings", "settings_file", type=_folder, help="YAML file of knobs to begin with.")
@click.option("--out", type=_folder, help="YAML file for the best knobs, as label takes it.")
@click.option("--weights", help="As for label.")
@click.option("--device", default="auto", help="Likewise.")
def tune(
    teacher: str,
    overrides: tuple[str, ...],
    data: Path,
    phrase: tuple[str, ...],
    half: str | None,
    trials: int,
    seed: int,
    settings_file: Path | None,
    out: Path | None,
    weights: str | None,
    device: str,
) -> None:
    """Find the knobs of TEACHER that suit DATA; KEY=VALUE is left as given."""
    from training import options
    from training.teacher import phrases, teachers, tuning

    if half == "both" and out is not None:
        raise BadInput("--half both finds two sets of knobs, --out takes one; choose a half, or leave --half out")
    entry = teachers.named(teacher)
    start = options.read(entry.knobs(), teacher, settings_file, overrides)
    fixed = [override.partition("=")[0].strip() for override in overrides]
    pairs, asked = pairs_of(data), phrases.read(phrase)
    phrases.check(asked, pairs.classes, str(data))
    sides = {"a": pairs.pairs} if half is None else tuning.halves(pairs.pairs)
    judges = {name: tuning.Judge(entry, side, asked, weights, device) for name, side in sides.items()}
    for name, own in judges.items():
        if half in (None, "both", name):
            other = next((judge for key, judge in judges.items() if key != name), None)
            tuned = tuning.tune(own, start, fixed=fixed, trials=trials, seed=seed, other=other)
            print(tuned)
            if out is not None:
                tuned.write(out)


@main.command(
    short_help="Adapt SAM to DATA by low-rank additions.",
    example="python -m training adapt --data my_pairs --out my.safetensors rank=4",
)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data", type=_folder, required=True, help="Folder with photos/ and masks/.")
@click.option("--out", type=_folder, required=True, help="The adapter's .safetensors; with --ranks a folder.")
@click.option("--ranks", help="Compare these, as 1,2,4,8: adapters, ranks.csv and ranks.png.")
@click.option("--weights", help="Folder with the segmenter's weights  [default: from the hub]")
@click.option("--device", default="auto", help="As torch names it.")
def adapt(
    overrides: tuple[str, ...], data: Path, out: Path, ranks: str | None, weights: str | None, device: str
) -> None:
    """Adapt SAM to DATA by low-rank additions.

    KEY=VALUE is a knob of training/teacher/adapt.py.

    Then: label … --teacher grounded-sam adapter=my.safetensors
    """
    from training import options
    from training.teacher import lora_ranks as several
    from training.teacher.adapt import Knobs
    from training.teacher.adapt import adapt as teach

    chosen = options.read(Knobs, "adapt", overrides=overrides)
    if ranks is None:
        print(teach(chosen, pairs_of(data), out, weights=weights, device=device))
        return
    for learnt in several.compare(chosen, pairs_of(data), several.read(ranks), out, weights=weights, device=device):
        print(learnt)


@main.command(
    short_help="Train a student, or go on with it.", example="python -m training fit mobile --data my_pairs epochs=30"
)
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data", type=_folder, multiple=True, help="Folder with photos/ and masks/  [default: rendered coins]")
@click.option("--run", "run_folder", type=_folder, help="Where to keep the run [default: runs/RECIPE[-DATA]].")
def fit(recipe: str, overrides: tuple[str, ...], data: tuple[Path, ...], run_folder: Path | None) -> None:
    """Train the student of RECIPE, or go on with an interrupted training.

    RECIPE is a name from training/recipes or a .yaml file; KEY=VALUE replaces any
    of its knobs, which training/recipe.py lists. Several --data share each epoch
    alike, however many pairs each has.
    """
    from training import designs
    from training import recipe as recipes
    from training.data.builtin import rendered_pairs
    from training.data.merge import merge
    from training.fit import fit as teach
    from training.loop.processes import processes
    from training.run import Run

    chosen = recipes.read(recipe, overrides)
    if chosen.latency_ms is not None:
        print(designs.choose(chosen.latency_ms))
    pairs = merge([pairs_of(folder) for folder in data] or [rendered_pairs(chosen.pairs, chosen.seed)])
    run = Run(run_folder or Run.default_folder(recipe, *data))
    checkpoint = teach(chosen, data=pairs, run=run)
    if processes(chosen, os.environ).is_first:
        print(f"{run.checkpoint}: validation IoU {checkpoint.facts['validation_iou']:.3f}")


@main.command(
    "designs",
    short_help="Train every design of a student alike.",
    example="python -m training designs person --data my_pairs",
)
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--data", type=_folder, required=True, help="Folder with photos/ and masks/; a fifth is kept to judge by."
)
@click.option("--to", "folder", type=_folder, help="Holds their runs [default: runs/designs-DATA].")
def designs_(recipe: str, overrides: tuple[str, ...], data: Path, folder: Path | None) -> None:
    """Train the designs of training/designs.yaml alike, each as RECIPE with the knobs that it changes.

    `python -m conversion designs` then times and judges them. Interrupted, it goes on where it was.
    """
    from training import designs
    from training import recipe as recipes
    from training.fit import fit as teach
    from training.run import Run

    pairs = pairs_of(data)
    folder = folder or Path("runs") / f"designs-{data.resolve().name}"
    for name, own in designs.options().items():
        design = recipes.read(recipe, [*overrides, "test=1/5", *(f"{key}={value}" for key, value in own.items())])
        checkpoint = teach(design, data=pairs, run=Run(folder / name))
        print(f"{folder / name}: validation IoU {checkpoint.facts['validation_iou']:.3f}")


@main.command(
    cls=TeacherCommand,
    short_help="From photos alone to a student, judged beside its teacher.",
    example="python -m training teach mobile my_photos --phrase coin",
)
@click.argument("recipe")
@click.argument("photos", type=_folder)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--phrase", multiple=True, required=True, help="As for label.")
@click.option("--teacher", default="classical", show_default=True, help="As listed below.")
@click.option("--settings", "settings_file", type=_folder, help="YAML file of the teacher's knobs.")
@click.option("--data", type=_folder, help="Pairs to judge teacher and student by.")
@click.option("--drop-above", default=0.5, show_default=True, type=click.FloatRange(0, 1), help="As for curate.")
@click.option("--and", "beside", type=_folder, metavar="RUN", help="Learn what its student says too, and its data.")
@click.option("--run", "run_folder", type=_folder, help="[default: runs/RECIPE-PHOTOS]")
@click.option("--weights", help="As for label.")
@click.option("--device", default="auto", help="Likewise.")
def teach(
    recipe: str,
    photos: Path,
    overrides: tuple[str, ...],
    phrase: tuple[str, ...],
    teacher: str,
    settings_file: Path | None,
    data: Path | None,
    drop_above: float,
    beside: Path | None,
    run_folder: Path | None,
    weights: str | None,
    device: str,
) -> None:
    """Label PHOTOS, drop doubtful masks, and train RECIPE's student on the rest."""
    from training import options
    from training import recipe as recipes
    from training.fit import fit as learn
    from training.run import Run
    from training.teach import Tutor, agreed, curated, judge
    from training.teacher import phrases, teachers

    chosen, asked, entry = recipes.read(recipe, overrides), phrases.read(phrase), teachers.named(teacher)
    judges = pairs_of(data) if data else None
    if judges:
        phrases.check(asked, judges.classes, str(data))
    tutor = Tutor(entry, options.read(entry.knobs(), teacher, settings_file), asked, weights, device)
    labelled = Path("labelled", f"{photos.resolve().name}-{teacher}")
    print(tutor.label(photos, labelled))
    if beside:
        tally, pairs = agreed(tutor, labelled, photos, Run(beside), chosen.turn)
        print(tally)
    else:
        pairs = curated(labelled, drop_above)
        print(f"{labelled}: {len(pairs.dropped)} of {len(pairs.pairs) + len(pairs.dropped)} masks dropped")
    run = Run(run_folder or Run.default_folder(recipe, photos))
    student = learn(chosen, data=pairs, run=run)
    print(f"{run.checkpoint}: validation IoU {student.facts['validation_iou']:.3f}, by its teacher's masks")
    if judges:
        print(judge(tutor, student, judges))


@main.command(
    short_help="Draw coin photographs with exact masks.",
    example="python -m training render rendered --count 100 --seed 1",
)
@click.argument("folder", type=_folder)
@click.option("--count", default=900, show_default=True, type=_positive, help="How many photos.")
@click.option("--seed", default=0, show_default=True, type=_natural, help="Another seed, other photos.")
def render(folder: Path, count: int, seed: int) -> None:
    """Draw coin photographs with exact masks into FOLDER."""
    from training.data.coins import write_pairs

    try:
        write_pairs(folder, count=count, seed=seed)
    except OSError as error:
        raise BadInput(f"cannot render into {folder}: {error}") from error
    print(f"{folder}: {count} pairs")


@main.command(
    short_help="Show masks on one page, most suspicious first.",
    example="python -m training curate labelled/my_photos-sam3",
)
@click.argument("folder", type=_folder)
@click.option("--against", type=_folder, help="Another teacher's masks for the same photos: a folder of pairs.")
@click.option("--most", default=500, show_default=True, type=_positive, help="How many photos the page shows.")
@click.option("--drop-above", type=click.FloatRange(0, 1), metavar="SUSPICION", help="Write dropped.txt at once.")
@click.option("--replace", is_flag=True, help="Let --drop-above replace another dropped.txt.")
@click.option("--to", "path", type=_folder, help="Where to write the page [default: FOLDER/curate.html]")
def curate(
    folder: Path, against: Path | None, most: int, drop_above: float | None, replace: bool, path: Path | None
) -> None:
    """Show the masks of FOLDER on one page, most suspicious first, to drop or keep.

    The list goes into FOLDER/dropped.txt, one name a line; all other commands
    leave out the photos that it names.
    """
    from training.data import curate as sheet
    from training.data.pairs import read_pairs
    from training.data.suspicion import rank

    pairs = read_pairs(folder, dropped=True)
    others = read_pairs(against, dropped=True) if against else None
    ranked = rank(pairs, others)
    if drop_above is not None:
        count = sheet.drop_above(drop_above, pairs, ranked, replace=replace)
        print(f"{folder / 'dropped.txt'}: {count} of {len(ranked)} photos are above {drop_above}")
    path = path or folder / "curate.html"
    shown = sheet.write(path, pairs, ranked, most=most, against=others)
    print(f"{path}: {shown} of {len(ranked)} photos, most suspicious first")


@main.command(short_help="Show what a folder of pairs is made of.", example="python -m training profile my_pairs")
@click.argument("folder", type=_folder)
@click.option("--to", "path", type=_folder, help="Where to write the page [default: FOLDER/profile.html]")
def profile(folder: Path, path: Path | None) -> None:
    """Show what the pairs of FOLDER are made of: sizes, areas, scores, classes."""
    from training.data import dataset_profile as composition

    path = path or folder / "profile.html"
    counts = composition.write(path, pairs_of(folder))
    print(f"{path}: {', '.join(f'{count} {what}' for what, count in counts.items() if count)}")


@main.command(
    short_help="Judge RUN's student: figures, pictures, a page.",
    example="python -m training evaluate runs/mobile-my_pairs --robustness",
)
@click.argument("run_folder", metavar="RUN", type=_folder)
@click.option("--data", type=_folder, help="Folder with photos/ and masks/  [default: what RUN held out]")
@click.option("--human", type=_folder, help="Masks that people drew of these photos, or some of them.")
@click.option("--robustness", is_flag=True, help="Judge other resizers, aspects, light and turns, too.")
@click.option("--worst", default=8, show_default=True, type=_natural, help="How many of the worst photos to show.")
@as_json
def evaluate(
    run_folder: Path, data: Path | None, human: Path | None, robustness: bool, worst: int, as_json: bool
) -> None:
    """Judge RUN's student by the teacher masks of DATA, and by people's."""
    from training.evaluation import report
    from training.evaluation.evaluate import by_people
    from training.evaluation.evaluate import evaluate as judge
    from training.evaluation.mean_iou import refuse_other_classes
    from training.run import Run
    from training.student import checkpoint

    run = Run(run_folder)
    student = checkpoint.load(run.checkpoint)
    pairs = pairs_of(data) if data else run.held_out_pairs()
    refuse_other_classes(student.contract, pairs)
    if data and (learnt := run.learnt_from(pairs)):
        click.echo(f"note: {learnt} of these {len(pairs.pairs)} photos were learnt from; leave --data out", err=True)
    people = by_people(human, pairs.pairs, pairs.classes) if human else {}
    where = data.resolve().name if data else "held-out"
    found = report.summarise(
        f"{run_folder.resolve().name} on {where}",
        judge(student, pairs.pairs, people, robustness=robustness, worst=worst),
    )
    out = run.evaluation(where)
    report.write(found, out)
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
    short_help="Hold the students of several runs side by side.",
    example="python -m training beside runs/mobile-my_pairs runs/person-my_pairs",
)
@click.argument("runs", nargs=-1, required=True, type=_folder, metavar="RUN RUN...")
@click.option("--data", type=_folder, help="Folder with photos/ and masks/  [default: what the first RUN held out]")
@click.option("--out", type=_folder, help="[default: compared/RUN-RUN]")
def beside(runs: tuple[Path, ...], data: Path | None, out: Path | None) -> None:
    """Hold the students of several runs side by side on the same photos: a table, and what each takes for what."""
    from training.evaluation import compare as side_by_side
    from training.evaluation.evaluate import evaluate as judge
    from training.evaluation.mean_iou import refuse_other_classes
    from training.run import Run
    from training.student import checkpoint

    names = [run.resolve().name for run in runs]
    students = [checkpoint.load(Run(run).checkpoint) for run in runs]
    pairs = pairs_of(data) if data else Run(runs[0]).held_out_pairs()
    found = {}
    for run, name, student in zip(runs, names, students, strict=True):
        refuse_other_classes(student.contract, pairs)
        if learnt := Run(run).learnt_from(pairs):
            click.echo(f"note: {name} learnt from {learnt} of these {len(pairs.pairs)} photos", err=True)
        found[name] = judge(student, pairs.pairs, {}, robustness=False, worst=0).teacher.judge
    facts = {
        "input, rows × columns": [f"{one.contract.height} × {one.contract.width}" for one in students],
        "parameters, millions": [f"{sum(x.numel() for x in one.student.parameters()) / 1e6:.2f}" for one in students],
    }
    out = out or Path("compared", "-".join(names))
    print(side_by_side.write(found, facts, out))
    print(f"{out}: beside.md{', confusion.png' if len(pairs.classes) > 1 else ''}")


@main.command(
    short_help="Train the student and the usual UNet alike, and compare.",
    example="python -m training rival mobile --data my_pairs",
)
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data", type=_folder, required=True, help="Folder with photos/ and masks/.")
def rival(recipe: str, overrides: tuple[str, ...], data: Path) -> None:
    """Train RECIPE's student and smp.Unet("mobilenet_v2") alike, and compare their validation IoU."""
    from training import recipe as recipes
    from training.baseline_comparison import compare as measure

    print(measure(recipes.read(recipe, overrides), pairs_of(data)))


@main.command(
    short_help="Suggest a learning rate, by a sweep.", example="python -m training rate person --data my_pairs"
)
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data", type=_folder, required=True, help="Folder with photos/ and masks/.")
@click.option("--steps", default=100, show_default=True, type=click.IntRange(min=20), help="Batches to try.")
@click.option("--to", "path", type=_folder, help="The curve [default: RECIPE-DATA-rate.png]")
def rate(recipe: str, overrides: tuple[str, ...], data: Path, steps: int, path: Path | None) -> None:
    """Suggest a learning rate for RECIPE on DATA: train for a few steps at rising rates, and draw the loss."""
    from training import recipe as recipes
    from training.lr_finder import sweep

    path = path or Path(f"{Path(recipe).stem}-{data.resolve().name}-rate.png")
    found = sweep(recipes.read(recipe, overrides), pairs_of(data), steps)
    found.draw(path)
    print(f"learning_rate={found.suggested:g}, as {path} shows")


@main.command(
    short_help="Count photos a second in this training loop and the plain.",
    example="python -m training bench mobile --data my_pairs --steps 20",
)
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data", type=_folder, required=True, help="Folder with photos/ and masks/.")
@click.option("--steps", default=10, show_default=True, type=_positive, help="Batches to time of each loop.")
def bench(recipe: str, overrides: tuple[str, ...], data: Path, steps: int) -> None:
    """Count photos a second in this training loop and in the plain loop of the usual tutorial."""
    from training import recipe as recipes
    from training.throughput import bench as measure

    print(measure(recipes.read(recipe, overrides), pairs_of(data), steps))


if __name__ == "__main__":
    main()
