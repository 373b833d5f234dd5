"""Convert: check this machine, and turn a student or an ONNX network into files for phones."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from conversion.artefact.kinds import DEFAULTS, Precision
from conversion.commands.parameters import photos_option, precisions_option, targets_option
from training.commands.group import command
from training.commands.json_envelope import show
from training.commands.parameters import (
    FILE_OR_FOLDER,
    FOLDER,
    PATH,
    json_option,
    one_of,
    option,
    overrides_argument,
    recipe_argument,
    run_argument,
    string,
    switch,
)
from training.student.errors import ConversionRefused, ParityBreached


@command(
    "doctor",
    short_help="Check what this machine can convert, run and build.",
    example="python -m conversion doctor --json",
)
@json_option
def doctor_command() -> None:
    """Check what this machine can train, convert, run and build, and print what to install for the rest.

    The exit code is 2 if `make mobile` cannot work here.
    """
    from conversion import doctor

    findings = doctor.run_checks(doctor.CHECKS)
    show(doctor.as_text(findings), {"checks": [asdict(finding) for finding in findings]})
    doctor.check_needed(findings)


@command(
    "export",
    short_help="Convert a run's student to ONNX, Core ML and TFLite.",
    example="python -m conversion export runs/mobile --to tflite --precision int8",
    ends=(ConversionRefused,),
)
@run_argument
@targets_option
@precisions_option("fp32 and fp16")
@option(
    "--budget",
    string("NAME=NUMBER"),
    "Accuracy budget, such as iou=0.01: export the smallest file that meets it; repeatable.",
    name="limits",
    multiple=True,
)
@photos_option(24, "Held-out photos to check --budget on.")
@json_option
def export_command(
    run_folder: Path, targets: tuple[str, ...], precisions: tuple[str, ...], limits: tuple[str, ...], photos: int
) -> None:
    """Convert RUN's student to ONNX, Core ML and TFLite files in RUN/export, with a manifest.

    \b
    Fewer bits: int8, int16 and w8 for TFLite; w8, p6 and p4 for Core ML.
    Budgets: iou=0.01 is the mean loss of IoU, worst=0.03 that of the worst
    photo, flips=0.005 the share of mask pixels that change, psnr=40 in dB.
    Sensitive layers keep a higher precision where that helps.
    """
    from training.run import Run
    from training.student.checkpoint import load_checkpoint

    run = Run(run_folder)
    student = load_checkpoint(run.checkpoint)

    # Takes seconds, which nobody should wait for whose run is not there.
    from conversion.artefact import manifest
    from conversion.export import budget_search, export
    from conversion.quantisation.calibration import from_run

    if limits:
        asked, calibration = budget_search.parse_limits(limits), from_run(run, student.contract)
        found = budget_search.search(run, targets, asked, run.held_out()[:photos], calibration, precisions)
        text = budget_search.as_text(found)
    else:
        listed = export.export_run(run, targets, precisions or DEFAULTS)
        text = export.as_text(listed, run.export)
        for warning in export.warnings(listed, student.architecture.encoder):
            click.echo(warning, err=True)
    show(text, manifest.as_record(manifest.read(run.export)))


@command(
    "rehearse",
    short_help="Convert a recipe's student before it is trained.",
    example="python -m conversion rehearse mobile height=320",
    ends=(ConversionRefused, ParityBreached),
)
@recipe_argument
@overrides_argument
def rehearse_command(recipe_name: str, overrides: tuple[str, ...]) -> None:
    """Convert RECIPE's student untrained, and print whether a phone would run it well.

    Nothing is kept. KEY=VALUE overrides a setting of the recipe.
    """
    from conversion.export.rehearsal import rehearse
    from training.recipe import read_recipe

    print(rehearse(read_recipe(recipe_name, overrides)))


@command(
    "convert",
    short_help="Convert an ONNX network that was not trained here.",
    example="python -m conversion convert net.onnx --to coreml --input-range 0,1",
    ends=(ConversionRefused, ParityBreached),
)
@click.argument("model", type=PATH)
@option("--to", one_of(["tflite", "coreml"], "TARGET"), "tflite or coreml.", name="target", required=True)
@option("--precision", one_of(["fp32", "fp16"]), "fp32 or fp16.", default="fp16")
@option("--input-range", string("LOW,HIGH"), "Black and white for MODEL.", default="0,255")
@option("--mean", string("NUMBERS"), "Subtract after scaling; one or three.", default="0")
@option("--std", string("NUMBERS"), "Then divide by this; one or three.", default="1")
@switch("--bgr", "Say that MODEL expects BGR; the default is RGB.")
@option("--layout", one_of(["nchw", "nhwc"]), "Input layout: nchw or nhwc.", default="nchw")
@option("--size", string("ROWSxCOLUMNS"), "Input size in pixels.", shown="MODEL's own")
@option("--output", string("TENSOR"), "Output that gives the mask.", shown="the only one")
@option("--activation", one_of(["logits", "sigmoid", "softmax"]), "logits, sigmoid or softmax.", shown="as found")
@option("--classes", string("NAMES"), "Names, such as sky,road,tree.", shown="numbered", default="")
@option("--photos", FOLDER, "Photos to compare on.", shown="made-up ones")
@option("--out", FILE_OR_FOLDER, "File or package to write.", shown="beside MODEL")
def convert_command(
    model: Path, target: str, precision: Precision, photos: Path | None, out: Path | None, **said: Any
) -> None:
    """Convert an ONNX segmentation network to one file whose input is raw RGB.

    It is written only if it computes what ONNX Runtime computes for MODEL.
    """
    from conversion.foreign.convert import convert
    from conversion.foreign.input_spec import parse_model_spec

    print(convert(model, target, precision, parse_model_spec(**said), out=out, photos=photos))
