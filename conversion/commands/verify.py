"""Verify: compare files with their student, and show what they hold and draw."""

from dataclasses import asdict
from pathlib import Path

import click

from conversion.commands.parameters import photos_option, targets_option
from training.commands.group import command
from training.commands.json_envelope import show
from training.commands.parameters import PATH, data_option, json_option, pairs_of, run_argument, switch
from training.student.errors import AccuracyBreached, ParityBreached


@command(
    "verify",
    short_help="Check that the exported files give the same masks.",
    example="python -m conversion verify runs/mobile --photos 48",
    ends=(ParityBreached, AccuracyBreached),
)
@run_argument
@targets_option
@photos_option(24, "Photos to compare on.")
@data_option("Folder of pairs to compare on.", shown="RUN's held-out pairs")
@switch("--record", "If all hold, write the figures to conversion/gate/budgets.yaml.", "is_recorded")
@json_option
def verify_command(
    run_folder: Path, targets: tuple[str, ...], photos: int, data: Path | None, is_recorded: bool
) -> None:
    """Run each file of RUN/export on real photos, compare it with the student, and write RUN/report.html.

    Each conversion step has a budget that says how far its masks may drift.
    """
    from conversion.gate import parity, record
    from conversion.report import report
    from training.run import Run

    run = Run(run_folder)
    pairs = (list(pairs_of(data).pairs) if data else run.held_out())[:photos]
    verdict = parity.verify(run.checkpoint, run.export, pairs, run.parity, targets)
    report.write_report(run)
    if is_recorded and verdict.is_green:
        record.record(verdict, run.folder.resolve().name)
    show(f"{parity.as_text(verdict)}\nreport: {run.report}", {**asdict(verdict), "report": run.report})
    verdict.check(run.report)


@command(
    "report",
    short_help="Write a run's report again, without running models.",
    example="python -m conversion report runs/mobile",
)
@run_argument
def report_command(run_folder: Path) -> None:
    """Write RUN's report.html, report.json and MODEL_CARD.md again, from recorded results; no model runs."""
    from conversion.report import report
    from training.run import Run

    run = Run(run_folder)
    report.write_report(run)
    for path in (run.report, run.report.with_suffix(".json"), run.card):
        print(path)


@command(
    "inspect",
    short_help="Print what a model file contains.",
    example="python -m conversion inspect model.tflite --json",
)
@click.argument("artefact", type=PATH)
@json_option
def inspect_command(artefact: Path) -> None:
    """Print what a .tflite, .mlpackage, .onnx or student's .safetensors file contains, ours or not.

    That is its contract, size, precisions, operators and partitions.
    """
    from conversion.inspection import inspect

    found = inspect(artefact)
    show(found, found.as_record())


@command(
    "picture",
    short_help="Draw held-out photos with their masks.",
    example="python -m conversion picture runs/mobile coins.jpg --photos 8",
)
@run_argument
@click.argument("path", type=PATH)
@photos_option(8, "How many of the held-out photos to draw.")
@switch("--strip", "Draw only two photos, in four steps to a blurred background.")
def picture_command(run_folder: Path, path: Path, photos: int, strip: bool) -> None:
    """Draw held-out photos with the masks of RUN's fp16 TFLite file, as one JPEG at PATH.

    --strip draws the photo of median IoU and the worst one: photo, teacher
    mask, mask, blurred background.
    """
    from conversion.apply.effect import blur_background
    from conversion.artefact import manifest
    from conversion.gate.backends import BACKENDS
    from conversion.gate.pictures import draw_sheet, draw_strip
    from conversion.gate.predictions import evaluate_masks, prepare_photos
    from training.run import Run

    run = Run(run_folder)
    contract = manifest.read(run.export).contract
    shown = prepare_photos(run.held_out()[:photos], contract)
    runner = BACKENDS["tflite-fp16"].open(run.checkpoint, run.export)
    seen = evaluate_masks(runner, shown, contract)
    if strip:
        draw_strip(shown, seen, contract, path, blur_background)
    else:
        draw_sheet(shown, seen, contract, path)
    print(path)
