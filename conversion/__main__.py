"""`python -m conversion`: from a student to verified artefacts. Parses, calls, prints; no logic lives here."""

from pathlib import Path
from typing import Any

import click

from conversion.artefact.kinds import DEFAULTS, PRECISIONS, TARGETS, Precision, kinds_of
from training.command import Commands, as_json, pairs_of
from training.student.errors import AccuracyBreached, BadInput, ConversionRefused, ParityBreached

_folder = click.Path(path_type=Path, file_okay=False)
_file = click.Path(path_type=Path, dir_okay=False)
_run = click.argument("run_folder", metavar="RUN", type=_folder)
_targets = click.option(
    "--to", "targets", multiple=True, type=click.Choice(TARGETS), help="Only this target; repeatable."
)
_photos = click.option("--photos", default=24, show_default=True, help="How many of the held-out photos to compare on.")

_floats = click.Choice(["fp32", "fp16"])
_layouts = click.Choice(["nchw", "nhwc"])
_activations = click.Choice(["logits", "sigmoid", "softmax"])
_effects = click.Choice(["mask", "overlay", "cut-out", "blur", "background"])
_rate = click.FloatRange(0, 1, min_open=True)
_positive = click.FloatRange(0, min_open=True)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    example="python -m conversion export runs/mobile",
    ends=(ConversionRefused, ParityBreached, AccuracyBreached),
)
def main() -> None:
    """From a student checkpoint, or anyone's ONNX file, to verified artefacts."""


@main.command(
    short_help="Convert RECIPE's student before it is trained.",
    example="python -m conversion rehearse mobile height=320",
    ends=(ConversionRefused, ParityBreached),
)
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
def rehearse(recipe: str, overrides: tuple[str, ...]) -> None:
    """Convert RECIPE's student untrained, to learn before training whether a phone would run it well."""
    from conversion.export.rehearsal import rehearse as run
    from training import recipe as recipes

    print(run(recipes.read(recipe, overrides)))


@main.command(
    short_help="Convert RUN's student to ONNX, Core ML and TFLite.",
    example="python -m conversion export runs/mobile --to tflite --precision int8",
    ends=(ConversionRefused,),
)
@_run
@_targets
@click.option("--precision", "precisions", multiple=True, type=click.Choice(PRECISIONS), help="Only this; repeatable.")
@click.option("--budget", "limits", multiple=True, metavar="NAME=NUMBER", help="Find the smallest that holds this.")
@_photos
@as_json
def export(
    run_folder: Path,
    targets: tuple[str, ...],
    precisions: tuple[str, ...],
    limits: tuple[str, ...],
    photos: int,
    as_json: bool,
) -> None:
    """Convert RUN's student: ONNX, Core ML and TFLite, and a manifest; in fp32 and fp16 unless told otherwise.

    \b
    --precision int8 w8 int16 (TFLite)  w8 p6 p4 (Core ML): in fewer bits
    --budget iou=0.01 flips=0.005 psnr=40 worst=0.03: the smallest variant of
    each target that drifts no further on held-out photos, layers kept in
    higher precision where that helps; among each --precision, where given
    """
    from conversion.artefact import manifest
    from conversion.export import budget_search
    from conversion.export.export import CALIBRATED
    from conversion.export.export import export as convert
    from conversion.quantisation.calibration import from_run
    from training.run import Run
    from training.student import support
    from training.student.checkpoint import load

    run = Run(run_folder)
    student = load(run.checkpoint)
    kinds = kinds_of(targets, precisions or DEFAULTS).values()
    needs = limits or any((kind.target, kind.precision) in CALIBRATED for kind in kinds)
    calibration = from_run(run, student.contract) if needs else None
    if limits and calibration:
        held_out = run.held_out()[:photos]
        walk = budget_search.search(run, targets, budget_search.read_limits(limits), held_out, calibration, precisions)
        print((run.export / manifest.FILE).read_text(encoding="utf-8") if as_json else budget_search.as_text(walk))
        return
    listed = convert(run.checkpoint, run.export, targets, precisions or DEFAULTS, calibration)
    known = support.read().get(student.architecture.encoder, {})
    lines = []
    for name, artefact in listed.artefacts.items():
        if name in known and known[name].status == "blocked":
            click.echo(
                f"{name}: this encoder was {known[name]}, when measured untrained; `verify` will judge", err=True
            )
        speed = f"  {artefact.speedup:.2f} times as fast as fp32" if artefact.speedup else ""
        where = run.export / artefact.file
        lines.append(f"{where}  {artefact.bytes / 1e6:.2f} MB  {artefact.seconds:.1f} s  {name}{speed}")
    print((run.export / manifest.FILE).read_text(encoding="utf-8") if as_json else "\n".join(lines))


@main.command(
    short_help="Compare every hop of RUN's export on real photos.",
    example="python -m conversion verify runs/mobile --photos 48",
    ends=(ParityBreached, AccuracyBreached),
)
@_run
@_targets
@_photos
@click.option("--data", type=_folder, help="Compare on these pairs instead.")
@click.option("--record", "is_recorded", is_flag=True, help="Keep the figures in budgets.yaml, if all hold.")
@as_json
def verify(
    run_folder: Path, targets: tuple[str, ...], photos: int, data: Path | None, is_recorded: bool, as_json: bool
) -> None:
    """Run every hop of RUN's export on real photos, hold it against its budget, and write the report."""
    from conversion.gate import parity, record
    from conversion.report.report import write
    from training.run import Run

    run = Run(run_folder)
    pairs = (list(pairs_of(data).pairs) if data else run.held_out())[:photos]
    verdict = parity.verify(run.checkpoint, run.export, pairs, run.parity, targets)
    write(run)
    if is_recorded and verdict.is_green:
        record.record(verdict, run.folder.resolve().name)
    if as_json:
        print((run.parity / "parity.json").read_text(encoding="utf-8"))
    else:
        print(f"{parity.as_text(verdict)}\nreport: {run.report}")
    if not verdict.is_green:
        where = ", ".join([str(result.hop) for result in verdict.breached] + verdict.blind)
        kind = AccuracyBreached if verdict.is_accuracy_alone else ParityBreached
        raise kind(f"out of budget: {where}; the table above says by how much, {run.report} shows where")


@main.command(
    short_help="Write RUN's report again, from what was measured.", example="python -m conversion report runs/mobile"
)
@_run
def report(run_folder: Path) -> None:
    """Write RUN's report.html, report.json and MODEL_CARD.md again, from what was measured: no model runs."""
    from conversion.report.report import write
    from training.run import Run

    run = Run(run_folder)
    write(run)
    for path in (run.report, run.report.with_suffix(".json"), run.card):
        print(path)


@main.command(
    short_help="Convert an ONNX network that was not trained here.",
    example="python -m conversion convert net.onnx --to coreml --input-range 0,1",
    ends=(ConversionRefused, ParityBreached),
)
@click.argument("model", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--to", "target", metavar="TARGET", required=True, type=click.Choice(["tflite", "coreml"]))
@click.option("--precision", metavar="NAME", default="fp16", type=_floats, help="fp32, or fp16 if left out.")
@click.option("--input-range", metavar="LOW,HIGH", default="0,255", help="Black and white to MODEL: 0,255.")
@click.option("--mean", metavar="NUMBERS", default="0", help="Subtracted, in that range: one or three; 0.")
@click.option("--std", metavar="NUMBERS", default="1", help="Then divided by; in MODEL's channel order.")
@click.option("--bgr", is_flag=True, help="MODEL wants blue first.")
@click.option("--layout", metavar="NAME", default="nchw", type=_layouts, help="Of its input: nchw, or nhwc.")
@click.option("--size", metavar="ROWSxCOLUMNS", help="Of its input, where MODEL leaves it open.")
@click.option("--output", metavar="TENSOR", help="To give out, where MODEL has several.")
@click.option("--activation", metavar="NAME", type=_activations, help="logits, sigmoid or softmax, if not found out.")
@click.option("--classes", metavar="NAMES", default="", help="As sky,road,tree.")
@click.option("--photos", metavar="FOLDER", type=_folder, help="Compare on these, not on made-up pictures.")
@click.option("--out", metavar="PATH", type=click.Path(path_type=Path), help="[default: beside MODEL]")
def convert(model: Path, target: str, precision: Precision, photos: Path | None, out: Path | None, **said: Any) -> None:
    """Convert an ONNX segmentation network that was not trained here.

    What it expects of its input is folded in, so that the artefact takes raw RGB. It is written only if it computes
    what ONNX Runtime computes.
    """
    from conversion.foreign.convert import convert as run
    from conversion.foreign.input_spec import parse_model_spec

    print(run(model, target, precision, parse_model_spec(**said), out=out, photos=photos))


@main.command(
    short_help="Tell what a model file is, from the file alone.",
    example="python -m conversion inspect model.tflite --json",
)
@click.argument("artefact", type=click.Path(path_type=Path))
@as_json
def inspect(artefact: Path, as_json: bool) -> None:
    """Print what a .tflite, .mlpackage, .onnx or student's .safetensors is: ours or anybody's, from the file alone."""
    from conversion.inspection import inspect as read

    found = read(artefact)
    print(found.to_json() if as_json else found)


@main.command(
    short_help="Run an artefact on photos and videos, and draw.",
    example="python -m conversion apply student-fp16.tflite photos --effect blur",
    ends=(ConversionRefused,),
)
@click.argument("artefact", type=click.Path(path_type=Path))
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--effect", metavar="NAME", type=_effects, help="mask, overlay (default), cut-out, blur, background.")
@click.option("--background", metavar="FILE|COLOUR", help="A photo, white or #fafafa, in place of theirs.")
@click.option("--foreground", metavar="CLASS", multiple=True, help="Of several classes, one to keep; repeatable.")
@click.option("--open", "opening", metavar="K", type=click.IntRange(0), help="Ellipse against noise.")
@click.option("--threshold", metavar="LOGIT", type=float, help="In place of the contract's.")
@click.option("--feather", metavar="PIXELS", type=click.IntRange(0), help="Of edges: a 640th of the photo.")
@click.option("--blur", metavar="PIXELS", type=click.IntRange(0), help="Its radius: a 60th of the photo.")
@click.option("--smooth", metavar="RATE", default=1.0, type=_rate, help="Over frames; 1 not, 0.3 much.")
@click.option("--biggest-side", metavar="PIXELS", type=click.IntRange(16), help="Shrink what is larger.")
@click.option("--frame-rate", metavar="NUMBER", type=_positive, help="Frames a second, at most.")
@click.option("--out", metavar="FOLDER", type=_folder, help="For results; applied/ARTEFACT if left out.")
@as_json
def apply(artefact: Path, paths: tuple[Path, ...], out: Path | None, as_json: bool, **said: Any) -> None:
    """Run ARTEFACT on photos, videos and folders of them, and draw what it sees.

    No input is written to. A second run keeps what it would make alike.
    """
    from conversion.apply.apply import apply as run
    from conversion.apply.apply import read_wishes

    summary = run(artefact, paths, out, read_wishes(**said))
    for fault in summary.faults:
        click.echo(f"{click.style('left out:', fg='yellow')} {fault}", err=True)
    print(summary.to_json() if as_json else summary)
    summary.check()


@main.command(
    short_help="Try RUN's artefacts on a page of this machine.", example="python -m conversion demo runs/mobile"
)
@_run
@click.option("--port", default=7860, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
def demo(run_folder: Path, port: int) -> None:
    """Try RUN's artefacts on a local page: drop or take a photo, see all masks side by side.

    Only this machine can open it. Needs pip install '.[demo]'
    """
    from conversion.demo.exhibits import examples, open_run
    from conversion.demo.server import serve
    from training.run import Run

    run = Run(run_folder)
    serve(open_run(run), examples(run), port, lambda url: click.echo(f"{url}  Ctrl-C ends it"))


@main.command(
    short_help="Weigh and time RUN's artefacts, and others beside.",
    example="python -m conversion bench runs/mobile other.tflite",
    ends=(ParityBreached,),
)
@click.argument("run_folder", metavar="[RUN]", required=False, type=_folder)
@click.argument("others", metavar="[FILE]...", nargs=-1, type=_file)
@click.option("--runs", default=50, show_default=True, type=click.IntRange(1), help="Timed inferences of each.")
@click.option("--import", "saved", multiple=True, metavar="FILE", type=_file, help="Saved by an app's self-test.")
@as_json
def bench(run_folder: Path | None, others: tuple[Path, ...], runs: int, saved: tuple[Path, ...], as_json: bool) -> None:
    """Weigh and time RUN's artefacts, any .tflite or .onnx FILEs, and smp.Unet("mobilenet_v2"): all in turns.

    `times` is against the first row, `loss` of IoU against the trained student, `pieces` by XNNPACK. With --import,
    which may be repeated, what phones measured is added to RUN's report instead; RUN is then found by what they say.
    """
    from conversion.benchmark import artefacts as here
    from conversion.benchmark import devices
    from conversion.report.report import write
    from training.run import Run

    run = Run(run_folder) if run_folder else None
    if saved:
        kept = list(dict.fromkeys(devices.keep(path, run) for path in saved))
        print(devices.as_markdown(kept))
    elif run:
        found = here.measure(run, others, runs)
        here.keep(found, run)
        print(run.bench.read_text(encoding="utf-8") if as_json else here.as_text(found))
        kept = [run]
    else:
        raise click.UsageError("missing RUN")
    for one in kept:
        if one.report.is_file():
            write(one)
    if saved:
        devices.check([test for one in kept for test in devices.read(one)])


@main.command(
    "bench-emission",
    short_help="Time and weigh the emitters.",
    example="python -m conversion bench-emission net.onnx",
    ends=(ConversionRefused,),
)
@click.argument("model", required=False, type=click.Path(path_type=Path, dir_okay=False))
def bench_emission(model: Path | None) -> None:
    """Time and weigh the emitters on MODEL, an ONNX file; on smp.Unet("mobilenet_v2") when left out."""
    from conversion.benchmark import emitters

    print(emitters.HEADER)
    for one in emitters.measure(model):
        print(one)


@main.command(
    short_help="Print the results of verified runs as Markdown.",
    example="python -m conversion table runs/mobile runs/person",
)
@click.argument("run_folders", metavar="RUN...", nargs=-1, required=True, type=_folder)
@click.option("--repetitions", default=50, show_default=True, help="Timed inferences of each TFLite file.")
def table(run_folders: tuple[Path, ...], repetitions: int) -> None:
    """Print the results of verified runs as a Markdown table."""
    from conversion.benchmark.table import as_markdown
    from training.run import Run

    print(as_markdown([Run(folder) for folder in run_folders], repetitions))


@main.command(
    short_help="Draw held-out photos with the masks of RUN's TFLite file.",
    example="python -m conversion picture runs/mobile coins.jpg --photos 8",
)
@_run
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--photos", default=8, show_default=True, help="How many of the held-out photos.")
@click.option("--strip", is_flag=True, help="Only two of them, from photo to blurred background.")
def picture(run_folder: Path, path: Path, photos: int, strip: bool) -> None:
    """Draw held-out photos with the masks of RUN's fp16 TFLite file, as one JPEG at PATH.

    --strip draws the photo of median IoU and the worst one: photo, teacher
    mask, mask, blurred background.
    """
    from conversion.apply.effect import EFFECTS, draw, look_of
    from conversion.artefact import manifest
    from conversion.gate.forms import FORMS, evaluate_masks, prepare
    from conversion.gate.pictures import draw_sheet, draw_strip
    from training.run import Run

    run = Run(run_folder)
    contract = manifest.read(run.export).contract
    shown = prepare(run.held_out()[:photos], contract)
    runner = FORMS["tflite-fp16"].open(run.checkpoint, run.export)
    seen = evaluate_masks(runner, shown, contract)
    if strip:
        if not contract.is_binary or len(shown) < 2:
            raise BadInput("--strip needs a student of one class, and two held-out photos; leave it out")
        look = look_of(contract, "blur")
        draw_strip(shown, seen, contract, path, lambda photo, mask: draw(EFFECTS["blur"], photo, mask, look))
    else:
        draw_sheet(shown, seen, contract, path)
    print(path)


@main.command(
    short_help="Say what this machine can do, and what it lacks.", example="python -m conversion doctor --json"
)
@as_json
def doctor(as_json: bool) -> None:
    """Say what this machine can train, convert, execute, show and build; where something is missing, what brings it.

    Exit code 2 is a machine that `make mobile` would stop on.
    """
    from conversion import doctor as machine

    findings = machine.examine(machine.CHECKS)
    print(machine.as_json(findings) if as_json else machine.as_text(findings))
    if lacking := [one.name for one in findings if one.is_needed and not one.found]:
        raise BadInput(f"{' and '.join(lacking)} is missing, without which nothing can be trained or converted")


@main.command(
    short_help="Run ONNX's own node tests through both emitters.",
    example="python -m conversion conformance Resize Conv",
    ends=(ParityBreached,),
)
@click.argument("operators", metavar="[OPERATOR]...", nargs=-1)
@click.option("--write", "path", type=click.Path(path_type=Path, dir_okay=False), help="Also write the page there.")
def conformance(operators: tuple[str, ...], path: Path | None) -> None:
    """Run ONNX's own node tests through both emitters; of OPERATORs alone, with one line for each test."""
    from conversion.conformance import cases, page
    from conversion.conformance.verdict import judge
    from training.student.atomic_write import write_text

    verdicts = list(judge(cases.read(operators)))
    print(page.as_lines(verdicts) if operators else page.render(verdicts))
    if path is not None:
        write_text(path, page.render(verdicts))
    if wrong := sum(verdict.outcome == "wrong" for verdict in verdicts):
        raise ParityBreached(f"{wrong} verdicts are wrong, listed above")


@main.command(
    short_help="Measure every encoder in every kind of artefact.", example="python -m conversion support resnet18"
)
@click.argument("encoders", nargs=-1, metavar="[ENCODER]...")
def support(encoders: tuple[str, ...]) -> None:
    """Export, run and compare every encoder in every kind of artefact; write docs/encoders.md.

    With ENCODERs, measure these alone; what is known of the others stays.
    """
    from conversion.benchmark.encoders import DOCUMENT, survey, write
    from training.student.encoders import ENCODERS
    from training.student.support import read

    record = survey(encoders or ENCODERS)
    known = {**read(), **record}
    write({name: known[name] for name in ENCODERS if name in known})
    print(DOCUMENT)


@main.command(
    "designs",
    short_help="Time and judge every design of a student.",
    example="python -m conversion designs runs/designs-my_pairs",
    ends=(ConversionRefused,),
)
@click.argument("folder", type=_folder)
@click.option("--peer", type=click.Path(path_type=Path, dir_okay=False), help="Another .tflite, timed beside them.")
def designs_(folder: Path, peer: Path | None) -> None:
    """Time and judge the designs that `python -m training designs` trained into FOLDER, in fp32 and int8.

    Writes training/designs.json, from which latency_ms chooses, and docs/designs.png.
    """
    from conversion.benchmark.pareto import as_markdown, measure

    print(as_markdown(measure(folder, peer)))


@main.command(
    short_help="Put RUN's artefacts where the sample apps look.",
    example="python -m conversion apps runs/mobile",
    ends=(ParityBreached,),
)
@click.argument("run_folders", metavar="[RUN...]", nargs=-1, type=_folder)
@click.option("--app", "apps", multiple=True, help="Only this, ios or android; repeatable.")
@click.option("--precision", "precisions", multiple=True, type=click.Choice(PRECISIONS), help="Instead of fp16.")
@click.option("--force", "is_forced", is_flag=True, help="Also what has not passed its gate.")
def apps(run_folders: tuple[Path, ...], apps: tuple[str, ...], precisions: tuple[str, ...], is_forced: bool) -> None:
    """Put the artefacts of each RUN that passed their gate where the sample apps look, in place of its older ones.

    Without RUN: of the one in runs/ that was last exported or verified. With them go the contract, the classes, the
    digest, and a rendered photo with its mask for the self-test.
    """
    from conversion.apps import give, newest
    from training.run import Run

    for run in [Run(folder) for folder in run_folders] or [newest(Path("runs"))]:
        for written in give(run, Path(), apps, precisions or ("fp16",), is_forced=is_forced):
            print(written)


@main.command(
    short_help="Write the vectors that Swift and Kotlin must reproduce.", example="python -m conversion golden golden"
)
@click.argument("folder", type=_folder)
def golden(folder: Path) -> None:
    """Write the vectors that Swift and Kotlin must reproduce into FOLDER."""
    from conversion.golden.vectors import write

    write(folder)
    print(f"golden vectors: {folder}")


if __name__ == "__main__":
    main()
