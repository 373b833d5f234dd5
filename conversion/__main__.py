"""`python -m conversion`: from a student to verified artefacts. Parses, calls, prints; no logic lives here."""

from pathlib import Path
from typing import Any

import click

from conversion.artefact.kinds import DEFAULTS, PRECISIONS, TARGETS, Precision
from training.command import (
    COUNT,
    FILE,
    FILE_OR_FOLDER,
    FOLDER,
    NAME,
    PATH,
    PIXELS,
    Commands,
    Decorator,
    Kind,
    data_option,
    json_option,
    one_of,
    option,
    overrides_argument,
    pairs_of,
    recipe_argument,
    run_argument,
    string,
    switch,
)
from training.student.errors import AccuracyBreached, ConversionRefused, ParityBreached

SECTIONS = {
    "Convert": ("doctor", "export", "rehearse", "convert"),
    "Verify": ("verify", "report", "inspect", "picture"),
    "Use": ("apply", "demo", "apps", "golden"),
    "Measure": ("bench", "table", "bench-designs", "bench-encoders", "bench-emitters", "conformance"),
}

RENAMED = {
    "bench-emission": "bench-emitters",
    "designs": "bench-designs",
    "support": "bench-encoders",
    "bench --runs": "--repetitions",
    "conformance --write": "--out",
}

EFFECT_NAMES = ("mask", "overlay", "cut-out", "blur", "background")

targets_option = option(
    "--to", one_of(TARGETS, "TARGET"), "onnx, coreml or tflite; repeatable.", name="targets", shown="all", multiple=True
)
repetitions_option = option("--repetitions", COUNT, "Timed inferences of each file.", default=50)


def precisions_option(shown: str) -> Decorator:
    """`--precision`, with what is taken where none is given."""
    text = "fp32, fp16, w8, int8, int16, p6 or p4; repeatable."
    return option("--precision", one_of(PRECISIONS), text, name="precisions", shown=shown, multiple=True)


def photos_option(default: int, text: str) -> Decorator:
    """`--photos`, of those that a run held out."""
    return option("--photos", COUNT, text, default=default)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    example="python -m conversion export runs/mobile",
    ends=(ConversionRefused, ParityBreached, AccuracyBreached),
    sections=SECTIONS,
    renamed=RENAMED,
)
def main() -> None:
    """Convert a student, or any ONNX network, for phones, and verify the files."""


@main.command(
    "doctor",
    short_help="Check what this machine can convert, run and build.",
    example="python -m conversion doctor --json",
)
@json_option
def doctor_command(as_json: bool) -> None:
    """Check what this machine can train, convert, run and build, and print what to install for the rest.

    The exit code is 2 if `make mobile` cannot work here.
    """
    from conversion import doctor

    findings = doctor.run_checks(doctor.CHECKS)
    print(doctor.as_json(findings) if as_json else doctor.as_text(findings))
    doctor.check_needed(findings)


@main.command(
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


@main.command(
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
    run_folder: Path,
    targets: tuple[str, ...],
    precisions: tuple[str, ...],
    limits: tuple[str, ...],
    photos: int,
    as_json: bool,
) -> None:
    """Convert RUN's student to ONNX, Core ML and TFLite files in RUN/export, with a manifest.

    \b
    Fewer bits: int8, int16 and w8 for TFLite; w8, p6 and p4 for Core ML.
    Budgets: iou=0.01 is the mean loss of IoU, worst=0.03 that of the worst
    photo, flips=0.005 the share of mask pixels that change, psnr=40 in dB.
    Sensitive layers keep a higher precision where that helps.
    """
    from conversion.artefact import manifest
    from conversion.export import budget_search, export
    from conversion.quantisation.calibration import from_run
    from training.run import Run
    from training.student.checkpoint import load_checkpoint

    run = Run(run_folder)
    student = load_checkpoint(run.checkpoint)
    if limits:
        asked, calibration = budget_search.parse_limits(limits), from_run(run, student.contract)
        found = budget_search.search(run, targets, asked, run.held_out()[:photos], calibration, precisions)
        text = budget_search.as_text(found)
    else:
        listed = export.export_run(run, targets, precisions or DEFAULTS)
        text = export.as_text(listed, run.export)
        for warning in export.warnings(listed, student.architecture.encoder):
            click.echo(warning, err=True)
    print((run.export / manifest.FILE).read_text(encoding="utf-8") if as_json else text)


@main.command(
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


@main.command(
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
    run_folder: Path, targets: tuple[str, ...], photos: int, data: Path | None, is_recorded: bool, as_json: bool
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
    if as_json:
        print((run.parity / "parity.json").read_text(encoding="utf-8"))
    else:
        print(f"{parity.as_text(verdict)}\nreport: {run.report}")
    verdict.check(run.report)


@main.command(
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


@main.command(
    "inspect",
    short_help="Print what a model file contains.",
    example="python -m conversion inspect model.tflite --json",
)
@click.argument("artefact", type=PATH)
@json_option
def inspect_command(artefact: Path, as_json: bool) -> None:
    """Print what a .tflite, .mlpackage, .onnx or student's .safetensors file contains, ours or not.

    That is its contract, size, precisions, operators and partitions.
    """
    from conversion.inspection import inspect

    found = inspect(artefact)
    print(found.to_json() if as_json else found)


@main.command(
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


@main.command(
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
@option("--threshold", Kind("LOGIT", click.FLOAT), "Logit that the mask must exceed.", shown="contract's")
@option("--feather", PIXELS, "Edge softness.", shown="longer side / 640")
@option("--blur", PIXELS, "Blur radius.", shown="longer side / 60")
@option(
    "--smooth",
    Kind("NUMBER", click.FloatRange(0, 1, min_open=True)),
    "Smooth frames: 1 is off, 0.3 strong.",
    default=1.0,
)
@option("--biggest-side", Kind("PIXELS", click.IntRange(16)), "Shrink what has a longer side.")
@option(
    "--frame-rate",
    Kind("NUMBER", click.FloatRange(0, min_open=True)),
    "Frames a second at most.",
    shown="the video's",
)
@option("--out", FOLDER, "Folder to write.", shown="applied/ARTEFACT")
@json_option
def apply_command(artefact: Path, paths: tuple[Path, ...], out: Path | None, as_json: bool, **said: Any) -> None:
    """Run ARTEFACT on photos, videos and folders of them, and write each result.

    Inputs are never changed. A second run keeps results that are up to date.
    """
    from conversion.apply.apply import apply, parse_render_options

    summary = apply(artefact, paths, out, parse_render_options(**said))
    for fault in summary.faults:
        click.echo(f"{click.style('left out:', fg='yellow')} {fault}", err=True)
    print(summary.to_json() if as_json else summary)
    summary.check()


@main.command(
    "demo",
    short_help="Serve a page that shows the masks of all files.",
    example="python -m conversion demo runs/mobile",
)
@run_argument
@option("--port", Kind("NUMBER", click.IntRange(0, 65535)), "TCP port; 0 takes a free one.", default=7860)
def demo_command(run_folder: Path, port: int) -> None:
    """Serve a local page: drop or take a photo, and see the masks of all files of RUN side by side.

    Only this machine can open it. Install it first: pip install '.[demo]'.
    """
    from conversion.demo.models import example_photos, open_models
    from conversion.demo.server import serve
    from training.run import Run

    run = Run(run_folder)
    serve(open_models(run), example_photos(run), port, lambda url: click.echo(f"{url}  Ctrl-C ends it"))


@main.command(
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


@main.command(
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


@main.command(
    "bench",
    short_help="Measure size and speed of a run's files.",
    example="python -m conversion bench runs/mobile other.tflite",
    ends=(ParityBreached,),
)
@click.argument("run_folder", metavar="[RUN]", required=False, type=PATH)
@click.argument("others", metavar="[FILE]...", nargs=-1, type=PATH)
@repetitions_option
@option("--import", FILE, "File that an app's self-test saved; repeatable.", name="saved", multiple=True)
@json_option
def bench_command(
    run_folder: Path | None, others: tuple[Path, ...], repetitions: int, saved: tuple[Path, ...], as_json: bool
) -> None:
    """Measure size and speed of RUN's files, of FILEs (.tflite or .onnx), and of smp.Unet("mobilenet_v2"), in turns.

    In the table, `times` is the speed compared with the first row, `loss` the loss
    of IoU compared with the trained student, `pieces` the number of XNNPACK
    partitions. --import adds the times of a phone to RUN's report instead; without
    RUN, to that of the run that FILE names.
    """
    from conversion.benchmark import artefacts, devices
    from conversion.report import report
    from training.run import Run

    run = Run(run_folder) if run_folder else None
    if saved:
        runs = devices.import_self_tests(saved, run)
        print(devices.as_markdown(runs))
        report.update_reports(runs)
        devices.check([test for one in runs for test in devices.read(one)])
    elif run:
        found = artefacts.measure_artefacts(run, others, repetitions)
        artefacts.write(found, run)
        print(run.bench.read_text(encoding="utf-8") if as_json else artefacts.as_text(found))
        report.update_reports([run])
    else:
        raise click.UsageError("missing RUN")


@main.command(
    "table",
    short_help="Print the results of verified runs as Markdown.",
    example="python -m conversion table runs/mobile runs/person",
)
@click.argument("run_folders", metavar="RUN...", nargs=-1, required=True, type=PATH)
@repetitions_option
def table_command(run_folders: tuple[Path, ...], repetitions: int) -> None:
    """Print the results of verified runs as a Markdown table, and time their TFLite files for it."""
    from conversion.benchmark.table import as_markdown
    from training.run import Run

    print(as_markdown([Run(folder) for folder in run_folders], repetitions))


@main.command(
    "bench-designs",
    short_help="Measure every trained network design.",
    example="python -m conversion bench-designs runs/designs-my_pairs",
    ends=(ConversionRefused,),
)
@click.argument("folder", type=PATH)
@option("--peer", FILE, "Another .tflite file to time as well.")
def bench_designs_command(folder: Path, peer: Path | None) -> None:
    """Measure speed and accuracy of the designs that `python -m training designs` trained into FOLDER.

    Writes training/designs.json, from which latency_ms chooses, and
    docs/designs.png. Each is measured in fp32 and int8.
    """
    from conversion.benchmark.pareto import as_markdown, measure_designs

    print(as_markdown(measure_designs(folder, peer)))


@main.command(
    "bench-encoders",
    short_help="Measure every encoder in every kind of file.",
    example="python -m conversion bench-encoders resnet18",
)
@click.argument("encoders", nargs=-1, metavar="[ENCODER]...")
def bench_encoders_command(encoders: tuple[str, ...]) -> None:
    """Measure every encoder in every kind of file, untrained, and write docs/encoders.md.

    With ENCODERs, measure only these, and keep what is recorded of the others.
    """
    from conversion.benchmark.encoders import DOCUMENT, update_support

    update_support(encoders)
    print(DOCUMENT)


@main.command(
    "bench-emitters",
    short_help="Measure time and memory of the emitters.",
    example="python -m conversion bench-emitters net.onnx",
    ends=(ConversionRefused,),
)
@click.argument("model", required=False, type=PATH)
def bench_emitters_command(model: Path | None) -> None:
    """Measure the time and memory that each emitter takes for MODEL, an ONNX file.

    Without MODEL, it takes smp.Unet("mobilenet_v2").
    """
    from conversion.benchmark import emitters

    print(emitters.HEADER)
    for one in emitters.measure_emitters(model):
        print(one)


@main.command(
    "conformance",
    short_help="Run ONNX's own node tests through both emitters.",
    example="python -m conversion conformance Resize Conv",
    ends=(ParityBreached,),
)
@click.argument("operators", metavar="[OPERATOR]...", nargs=-1)
@option("--out", FILE, "Markdown page to write the table to.")
def conformance_command(operators: tuple[str, ...], out: Path | None) -> None:
    """Run ONNX's own node tests through both emitters, and print a table of the operators that pass.

    With OPERATORs, run only their tests, and print a line for each.
    """
    from conversion.conformance import page
    from conversion.conformance.case_results import check, run_cases
    from conversion.conformance.cases import read_cases
    from training.student.atomic_write import write_text

    results = list(run_cases(read_cases(operators)))
    print(page.as_lines(results) if operators else page.render_page(results))
    if out is not None:
        write_text(out, page.render_page(results))
    check(results)


if __name__ == "__main__":
    main()
