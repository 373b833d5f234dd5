"""The results of several runs as one Markdown table, with measured milliseconds; the README shows one."""

from collections.abc import Sequence

from conversion.artefact import manifest
from conversion.artefact.kinds import KINDS
from conversion.benchmark import devices
from conversion.gate import parity
from conversion.latency import median_milliseconds
from training.run import Run

_HEAD = "| data | artefact | MB | PSNR, dB | flips | IoU | ms |\n|---|---|---:|---:|---:|---:|---:|"


def as_markdown(runs: Sequence[Run], repetitions: int) -> str:
    """One row per artefact, after the trained student; ms is LiteRT's median on one thread, empty for Core ML.

    If there are self-tests from phones, their table follows.

    Raises:
        BadInput: A run has not been exported or verified.
    """
    lines = [_HEAD]
    for run in runs:
        verdict = parity.read(run.parity / "parity.json")
        listed = manifest.read(run.export).artefacts
        timed = [name for name, artefact in listed.items() if artefact.target == "tflite"]
        medians = median_milliseconds([run.export / listed[name].file for name in timed], runs=repetitions)
        times = dict(zip(timed, medians, strict=True))
        data = run.folder.name
        lines.append(f"| {data} | trained student |  |  |  | {verdict.teacher_iou['torch']:.4f} |  |")
        for name in sorted(KINDS, key=lambda name: KINDS[name].target):
            if KINDS[name].target != "onnx" and name in listed and name in verdict.drifts:
                drift, artefact = verdict.drifts[name], listed[name]
                ms = f"{times[name]:.1f}" if name in times else ""
                what = f"{artefact.target} {artefact.precision} | {artefact.bytes / 1e6:.2f}"
                iou = verdict.teacher_iou[name]
                lines.append(f"| {data} | {what} | {drift.psnr:.0f} | {drift.flips:.4%} | {iou:.4f} | {ms} |")
    on_phones = devices.as_markdown(runs)
    return "\n".join(lines) + (f"\n\n{on_phones}" if on_phones else "")
