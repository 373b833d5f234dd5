"""Copies a run's artefacts into the sample apps: those that passed their gate, with data for the self-test."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from conversion.artefact import manifest
from conversion.artefact.manifest import Artefact, Manifest
from conversion.gate.backends import BACKENDS
from conversion.golden import vectors
from training.run import Run
from training.student.atomic_write import atomic_path, write_text
from training.student.errors import BadInput, ParityBreached
from training.student.preprocess import preprocess

CLASSES = "classes.txt"
"""One class name per line, in the order of the logits' channels, as in the contract."""

SELF_TEST = "self-test.json"
"""A rendered photo, and the logits that each artefact gives for it here; see docs/golden.md."""

GOLDEN = "golden"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where one app looks for models."""

    sample: Path
    """The app's own folder; an app without it is left out."""
    models: Path
    """Within it: a folder for each run, named like the run, and the golden vectors."""
    target: str


DESTINATIONS: Mapping[str, Destination] = MappingProxyType(
    {
        "ios": Destination(Path("ios_sample"), Path("Models"), "coreml"),
        "android": Destination(Path("android_sample/app"), Path("src/main/assets"), "tflite"),
    }
)

_SEED, _HEIGHT, _WIDTH = 6, 240, 320
"""Of the self-test's photo, which is not square, so that mixing up rows and columns cannot pass."""


def newest_run(runs: Path) -> Run:
    """The run in a folder that was exported or verified last.

    Raises:
        BadInput: No run in it was exported.
    """
    exported = {run: run.export / manifest.FILE for run in map(Run, sorted(runs.glob("*")))}
    written = {run: path.stat().st_mtime_ns for run, path in exported.items() if path.is_file()}
    if not written:
        raise BadInput(f"no run in {runs}/ has been exported; make one with `make mobile`")
    return max(written, key=written.__getitem__)


def copy_to_apps(
    run: Run,
    root: Path,
    apps: Sequence[str] = (),
    precisions: Sequence[str] = ("fp16",),
    *,
    is_forced: bool = False,
) -> list[Path]:
    """Copy a run's artefacts to where the apps look, in place of older ones of this run.

    Args:
        run: An exported run that passed its gate.
        root: The repository's root, which holds the apps.
        apps: Keys of `DESTINATIONS`; if empty, all whose folder exists.
        precisions: Which artefacts to copy; each app takes those of its target.
        is_forced: Also copy artefacts that have not passed their gate; their manifest still says so.

    Returns:
        The folders written, one per app.

    Raises:
        BadInput: Unknown or missing app, nothing exported in that precision, or a file that is not the manifest's.
        ParityBreached: An artefact has not passed its gate.
    """
    listed = manifest.read(run.export)
    destinations = _destinations(root, apps)
    # All are chosen before the first is written, so that a refusal leaves every app as it was.
    chosen = [_chosen(listed, run, one.target, precisions, is_forced) for one in destinations]
    written = []
    for destination, artefacts in zip(destinations, chosen, strict=True):
        models = root / destination.sample / destination.models
        vectors.write_vectors(models / GOLDEN)
        written.append(models / run.folder.resolve().name)
        _write(written[-1], run, replace(listed, artefacts=artefacts))
    return written


def _destinations(root: Path, apps: Sequence[str]) -> list[Destination]:
    if unknown := [name for name in apps if name not in DESTINATIONS]:
        raise BadInput(f"unknown app '{unknown[0]}'; expected one of {', '.join(DESTINATIONS)}")
    named = [DESTINATIONS[name] for name in apps or DESTINATIONS]
    there = [one for one in named if (root / one.sample).is_dir()]
    if missing := [one for one in named if one not in there and (apps or not there)]:
        raise BadInput(f"no sample app at {root / missing[0].sample}; run this from the root of the repository")
    return there


def _chosen(listed: Manifest, run: Run, target: str, precisions: Sequence[str], is_forced: bool) -> dict[str, Artefact]:
    exported = {name: one for name, one in listed.artefacts.items() if one.target == target}
    chosen = {name: one for name, one in exported.items() if one.precision in precisions}
    if not chosen:
        has = ", ".join(one.precision for one in exported.values()) or "nothing"
        raise BadInput(
            f"{run.export} has {has} for {target}, asked for is {', '.join(precisions)}; "
            f"make it with `python -m conversion export {run.folder} --to {target}`"
        )
    for name, artefact in chosen.items():
        path = listed.path_of(name, run.export)
        if artefact.gate != "passed" and not is_forced:
            raise ParityBreached(
                f"{path} is {artefact.gate}, only what passed its gate goes into an app; "
                f"run `make parity RUN={run.folder}`, or give it out all the same with --force"
            )
    return chosen


def _write(folder: Path, run: Run, listed: Manifest) -> None:
    """Artefacts, manifest, classes and self-test of one run, in one step."""
    from training.data.coins import render

    photo = render(_SEED, height=_HEIGHT, width=_WIDTH).photo
    entry = preprocess(photo, listed.contract)
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        made = []
        for name, artefact in listed.artefacts.items():
            source, copy = run.export / artefact.file, temporary / artefact.file
            if source.is_dir():
                shutil.copytree(source, copy)
            else:
                shutil.copyfile(source, copy)
            # The copy runs in the gate's own backend, which proves that the copy works.
            runner = BACKENDS[name].open(run.checkpoint, temporary)
            made.append(vectors.photo_vector(name, photo, listed.contract, runner(entry)))
        manifest.write(listed, temporary)
        write_text(temporary / CLASSES, "\n".join(listed.contract.classes) + "\n")
        vectors.write_vector_file(temporary / SELF_TEST, made)
