"""`python -m conversion`: from a student to verified files. Its commands lie in `conversion.commands`, by section."""

from training.student import installation

try:
    import click

    from conversion.commands import convert, measure, use, verify
    from training.commands.group import CommandGroup
    from training.student.errors import AccuracyBreached, ConversionRefused, ParityBreached
except ModuleNotFoundError as error:
    installation.end_without(error)
    raise

SECTIONS = {
    "Convert": (convert.doctor_command, convert.export_command, convert.rehearse_command, convert.convert_command),
    "Verify": (verify.verify_command, verify.report_command, verify.inspect_command, verify.picture_command),
    "Use": (use.apply_command, use.demo_command, use.apps_command, use.golden_command),
    "Measure": (
        measure.bench_command,
        measure.table_command,
        measure.bench_designs_command,
        measure.bench_encoders_command,
        measure.bench_emitters_command,
        measure.conformance_command,
    ),
}

RENAMED = {
    "bench-emission": "bench-emitters",
    "designs": "bench-designs",
    "support": "bench-encoders",
    "bench --runs": "--repetitions",
    "conformance --write": "--out",
}


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    example="python -m conversion export runs/mobile",
    ends=(ConversionRefused, ParityBreached, AccuracyBreached),
    sections=SECTIONS,
    renamed=RENAMED,
)
def main() -> None:
    """Convert a student, or any ONNX network, for phones, and verify the files."""


if __name__ == "__main__":
    main()
