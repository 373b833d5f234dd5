"""Data: label photos, review masks, show what a folder holds, render coins."""

import os
from pathlib import Path

import click

from training.commands.group import TeacherCommand, command
from training.commands.json_envelope import show
from training.commands.parameters import (
    COUNT,
    FILE,
    FOLDER,
    FRACTION,
    NAME,
    PATH,
    batch_option,
    device_option,
    json_option,
    one_of,
    option,
    overrides_argument,
    pairs_of,
    phrase_option,
    seed_option,
    settings_option,
    string,
    switch,
    weights_option,
)


@command(
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
    chosen = options.read(entry.options(), name, settings, overrides)
    asked = phrases.parse_phrases(phrase)
    share = shard.parse_shard(share_given) if share_given else shard.from_environment(os.environ)
    out = out or Path("labelled", f"{photos.resolve().name}-{name}")
    found = sources.find_photos(photos, exclude=out)
    to = LabelledFolder(out, keep_empty=empty == "keep")
    teacher = entry.build(chosen, asked, weights, device)
    print(label_photos(found, teacher, to, share=share, batch=batch))


@command(
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


@command(
    "profile",
    short_help="Show what a folder of pairs contains.",
    example="python -m training profile my_pairs",
)
@click.argument("folder", type=PATH)
@option("--out", FILE, "Page to write.", shown="FOLDER/profile.html")
@json_option
def profile_command(folder: Path, out: Path | None) -> None:
    """Write a page that shows what the pairs of FOLDER contain: photo sizes, mask areas, scores, classes."""
    from training.data import dataset_profile

    path = out or folder / "profile.html"
    found = dataset_profile.write_profile_page(path, pairs_of(folder))
    counts = ", ".join(f"{count} {what}" for what, count in found["counts"].items() if count)
    show(f"{path}: {counts}", {**found, "page": path})


@command(
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
