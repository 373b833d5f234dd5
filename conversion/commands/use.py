"""Use: run a file on photos and videos, on a page, and in the sample apps."""

from pathlib import Path
from typing import Any

import click

from conversion.commands.parameters import precisions_option
from training.commands.group import command
from training.commands.json_envelope import show
from training.commands.parameters import (
    FOLDER,
    NAME,
    PATH,
    PIXELS,
    ValueType,
    json_option,
    one_of,
    option,
    run_argument,
    string,
    switch,
)
from training.student.errors import ConversionRefused, ParityBreached, escaped

EFFECT_NAMES = ("mask", "overlay", "cut-out", "blur", "background")
"""The keys of `apply.effect.EFFECTS`, which would import OpenCV."""


@command(
    "apply",
    short_help="Run a model file on photos and videos.",
    example="python -m conversion apply student-fp16.tflite photos --effect blur",
    ends=(ConversionRefused,),
)
@click.argument("artefact", type=PATH)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=PATH)
@option("--effect", one_of(EFFECT_NAMES), "mask, overlay, cut-out, blur or background.", shown="overlay")
@option("--background", string("FILE"), "A photo, or white or #fafafa.")
@option("--foreground", string("CLASS"), "Class to keep; repeatable.", shown="the only one", multiple=True)
@option("--open", PIXELS, "Remove specks smaller than this.", name="opening", shown="contract's")
@option("--threshold", ValueType("LOGIT", click.FLOAT), "Logit that the mask must exceed.", shown="contract's")
@option("--feather", PIXELS, "Edge softness.", shown="longer side / 640")
@option("--blur", PIXELS, "Blur radius.", shown="longer side / 60")
@option(
    "--smooth",
    ValueType("NUMBER", click.FloatRange(0, 1, min_open=True)),
    "Smooth frames: 1 is off, 0.3 strong.",
    default=1.0,
)
@option("--biggest-side", ValueType("PIXELS", click.IntRange(16)), "Shrink what has a longer side.")
@option(
    "--frame-rate",
    ValueType("NUMBER", click.FloatRange(0, min_open=True)),
    "Frames a second at most.",
    shown="the video's",
)
@option("--out", FOLDER, "Folder to write.", shown="applied/ARTEFACT")
@json_option
def apply_command(artefact: Path, paths: tuple[Path, ...], out: Path | None, **said: Any) -> None:
    """Run ARTEFACT on photos, videos and folders of them, and write each result.

    Inputs are never changed. A second run keeps results that are up to date.
    """
    from conversion.apply.apply import apply, parse_render_options

    summary = apply(artefact, paths, out, parse_render_options(**said))
    for fault in summary.faults:
        click.echo(f"{click.style('left out:', fg='yellow')} {escaped(fault)}", err=True)
    show(summary, summary.as_record())
    summary.check()


@command(
    "demo",
    short_help="Serve a page that shows the masks of all files.",
    example="python -m conversion demo runs/mobile",
)
@run_argument
@option("--port", ValueType("NUMBER", click.IntRange(0, 65535)), "TCP port; 0 takes a free one.", default=7860)
def demo_command(run_folder: Path, port: int) -> None:
    """Serve a local page: drop or take a photo, and see the masks of all files of RUN side by side.

    Only who knows its address can open it, on this machine. Photos stay in memory.
    """
    from conversion.demo.models import example_photos, open_models
    from conversion.demo.page import Page
    from conversion.demo.server import serve
    from training.run import Run

    run = Run(run_folder)
    serve(Page(open_models(run), example_photos(run)), port, lambda url: click.echo(f"{url}  Ctrl-C ends it"))


@command(
    "apps",
    short_help="Copy verified files into the sample apps.",
    example="python -m conversion apps runs/mobile",
    ends=(ParityBreached,),
)
@click.argument("run_folders", metavar="[RUN]...", nargs=-1, type=PATH)
@option("--app", NAME, "ios or android; repeatable.", name="apps", shown="both", multiple=True)
@precisions_option("fp16")
@switch("--force", "Also copy files that have not passed verify.", "is_forced")
def apps_command(
    run_folders: tuple[Path, ...], apps: tuple[str, ...], precisions: tuple[str, ...], is_forced: bool
) -> None:
    """Copy the files of each RUN that passed verify into the sample apps, in place of its older ones.

    Without RUN, take the run in runs/ that was exported or verified last. The
    contract, the classes, the digest and a photo for the app's self-test go along.
    """
    from conversion.apps import copy_to_apps, newest_run
    from training.run import Run

    for run in [Run(folder) for folder in run_folders] or [newest_run(Path("runs"))]:
        for folder in copy_to_apps(run, Path(), apps, precisions or ("fp16",), is_forced=is_forced):
            print(folder)


@command(
    "golden",
    short_help="Write test vectors for Swift and Kotlin.",
    example="python -m conversion golden golden",
)
@click.argument("folder", type=PATH)
def golden_command(folder: Path) -> None:
    """Write test vectors to FOLDER, as JSON, that Swift and Kotlin must reproduce."""
    from conversion.golden import vectors

    vectors.write_vectors(folder)
    print(f"golden vectors: {folder}")
