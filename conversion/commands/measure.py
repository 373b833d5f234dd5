"""Measure: size, speed and accuracy of files, designs, encoders and emitters."""

from dataclasses import asdict
from pathlib import Path

import click

from conversion.commands.parameters import repetitions_option
from training.commands.group import command
from training.commands.json_envelope import show
from training.commands.parameters import FILE, PATH, claim_for_command, json_option, option
from training.student.errors import ConversionRefused, ParityBreached


@command(
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
def bench_command(run_folder: Path | None, others: tuple[Path, ...], repetitions: int, saved: tuple[Path, ...]) -> None:
    """Measure size and speed of RUN's files, of FILEs (.tflite or .onnx), and of smp.Unet("mobilenet_v2"), in turns.

    In the table, `times` is the time compared with the first row, `loss` the loss
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
        tests = [test for one in runs for test in devices.read(one)]
        show(devices.as_markdown(runs), {"phones": [test.model_dump(mode="json") for test in tests]})
        report.update_reports(runs)
        devices.check(tests)
    elif run:
        claim_for_command(run.folder, run.bench.name)
        found = artefacts.measure_artefacts(run, others, repetitions)
        artefacts.write(found, run)
        show(artefacts.as_text(found), asdict(found))
        report.update_reports([run])
    else:
        raise click.UsageError("missing RUN")


@command(
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


@command(
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


@command(
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


@command(
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


@command(
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
