"""Runs an artefact on photos and videos, one after another. A file that cannot be used is reported and left out."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from time import perf_counter
from typing import Any

from tqdm import tqdm

from conversion.apply.codecs import CODECS
from conversion.apply.effect import EFFECTS, EffectOptions, choose_effect, resolve_options
from conversion.apply.media_files import MediaFile, find_media_files
from conversion.apply.photo import apply_to_photo, suffix_of
from conversion.apply.predictor import Predictor, open_predictor
from conversion.apply.results import ResultsFolder, result_path
from conversion.apply.video import apply_to_video
from training.student.atomic_write import atomic_path
from training.student.claim import claim
from training.student.digest import sha256
from training.student.errors import BadInput, OutOfSpace, PocketmaskError, one_line
from training.student.exhaustion import exhausted

DRAWING_VERSION = 2
"""Increase it when the same settings draw something else, so that earlier results are made again."""


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What a user asks for; None: as the contract says, or by the photo's size."""

    effect: str
    """A key of `effect.EFFECTS`."""
    background: str | None = None
    foreground: tuple[str, ...] = ()
    opening: int | None = None
    threshold: float | None = None
    feather: int | None = None
    blur: int | None = None
    smooth: float = 1.0
    biggest_side: int | None = None
    frame_rate: float | None = None


def parse_render_options(*, effect: str | None, background: str | None, **others: object) -> RenderOptions:
    """Read the options of the command line.

    Raises:
        BadInput: The effect and the background do not go together.
    """
    chosen = choose_effect(effect, background)
    return RenderOptions(chosen, background, **others)  # type: ignore[arg-type]  # click has checked them


@dataclass(slots=True)
class Summary:
    """What one run made."""

    folder: Path
    made: Counter[str] = field(default_factory=Counter)
    """How many results, under `photo` and `video`."""
    frames: int = 0
    seconds: float = 0.0
    """The time that the whole run took."""
    replaced: int = 0
    """How many results replaced an earlier one, which another artefact, other settings or an older input had made."""
    kept: int = 0
    """How many results were there already, from the same artefact, settings and input."""
    faults: list[str] = field(default_factory=list)
    """One line for each thing that could not be used."""
    others: dict[str, int] = field(default_factory=dict)
    """How many files in folders are neither photos nor videos, by suffix."""

    def __str__(self) -> str:
        """A few lines for the terminal."""
        done = [_counted(number, kind) for kind, number in self.made.items()]
        if self.frames:
            done.append(_counted(self.frames, "frame"))
        lines = [f"{self.folder}: {', '.join(done) or 'nothing'} made in {self.seconds:.1f} s"]
        if self.replaced:
            lines.append(f"{self.replaced} of them replaced earlier results that were made differently")
        if self.kept:
            lines.append(f"{_counted(self.kept, 'result')} kept: already there and made the same way")
        if self.faults:
            lines.append(f"{_counted(len(self.faults), 'fault')}, listed above")
        if self.others:
            named = ", ".join(f"{number} {suffix}" for suffix, number in sorted(self.others.items()))
            lines.append(f"neither photo nor video by suffix: {named}")
        return "\n".join(lines)

    def as_record(self) -> dict[str, Any]:
        """All fields, for other programs."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def check(self) -> None:
        """Check that the run has any result.

        Raises:
            BadInput: Nothing was made and nothing kept.
        """
        if not self.made and not self.kept:
            raise BadInput("there is no usable photo or video; the lines above say why")


def apply(artefact: Path, paths: Sequence[Path], out: Path | None, options: RenderOptions) -> Summary:
    """Draw an effect on photos and videos, into a folder of results.

    Args:
        artefact: A file of any kind that has a contract.
        paths: Photos, videos, and folders of them.
        out: The folder; applied/ARTEFACT when left out. Files in it that no run has made are never changed.
        options: What to draw, and how.

    Returns:
        What was made and where, with one line for each fault.

    Raises:
        BadInput: The artefact or an option cannot be used, or the folder cannot be written to, or is in use.
        OutOfSpace: The disk is full.
    """
    began = perf_counter()
    predictor = open_predictor(artefact, opening=options.opening, threshold=options.threshold)
    effect_options = resolve_options(
        predictor.contract,
        options.effect,
        foreground=options.foreground,
        feather=options.feather,
        blur=options.blur,
        background=options.background,
    )
    folder = out or Path("applied") / artefact.name
    with claim(folder):
        results = ResultsFolder(folder)
        media = find_media_files(paths, results.paths())
        summary = Summary(results.folder, faults=list(media.faults), others=media.others)
        made_by = _hash_settings(predictor, effect_options, options)
        # None of them is ever written to, also where it lies in the folder of results.
        inputs = (artefact, Path(options.background or artefact), *(file.path for file in media.files))
        input_paths = {path.resolve() for path in inputs}
        for file in tqdm(media.files, desc=options.effect, unit=" files", leave=False, disable=None):
            try:
                _apply_to_file(file, results, summary, predictor, effect_options, options, made_by, input_paths)
            except Exception as error:
                found = exhausted(error, file.path) or error
                if isinstance(found, OutOfSpace):
                    # The next file would not fit either. What is done is kept, and the same command goes on from it.
                    made = _counted(sum(summary.made.values()), "result")
                    raise OutOfSpace(f"{found}; {made} made before are kept") from error
                if isinstance(error.__context__, KeyboardInterrupt):
                    raise
                # Whatever a decoder makes of a file costs that file alone.
                fault = f"cannot use {file.path}: {type(found).__name__}: {one_line(found)}"
                summary.faults.append(str(found) if isinstance(found, PocketmaskError) else fault)
    summary.seconds = perf_counter() - began
    return summary


def _apply_to_file(
    file: MediaFile,
    results: ResultsFolder,
    summary: Summary,
    predictor: Predictor,
    effect_options: EffectOptions,
    options: RenderOptions,
    made_by: str,
    input_paths: set[Path],
) -> None:
    effect, source = EFFECTS[options.effect], file.path.resolve()
    suffix = CODECS[effect.codec].suffix if file.is_video else suffix_of(file.path, effect)
    wanted = result_path(file.relative_path, f"-{options.effect}{suffix}")
    try:
        source_sha256 = sha256(file.path)
    except OSError as error:
        raise BadInput(f"cannot read {file.path}: {error.strerror}") from error
    target = results.path_for(wanted, source, input_paths)
    if results.is_up_to_date(target, source_sha256, made_by):
        summary.kept += 1
        return
    is_there = target.exists()
    with atomic_path(target) as temporary:
        if file.is_video:
            report = apply_to_video(
                file.path,
                temporary,
                predictor,
                effect,
                effect_options,
                smooth=options.smooth,
                biggest_side=options.biggest_side,
                frame_rate=options.frame_rate,
            )
            summary.frames += report.frames
            summary.faults += [f"{file.path}: {note}" for note in report.notes]
        else:
            apply_to_photo(file.path, temporary, predictor, effect, effect_options, options.biggest_side)
        results.add(target, temporary, source, source_sha256, made_by)
    summary.replaced += is_there
    summary.made["video" if file.is_video else "photo"] += 1


def _hash_settings(predictor: Predictor, effect_options: EffectOptions, options: RenderOptions) -> str:
    """A SHA-256 over everything that a result depends on, except its source."""
    settings = {
        **asdict(options),
        "background": None,
        # The names of the keys are hashed too: another name would make all earlier results out of date.
        "look": effect_options.digest(),
        "contract": predictor.contract.to_json(),
    }
    return hashlib.sha256(json.dumps([DRAWING_VERSION, predictor.sha256, settings]).encode()).hexdigest()


def _counted(number: int, kind: str) -> str:
    return f"{number} {kind}{'' if number == 1 else 's'}"
