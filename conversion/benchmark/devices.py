"""Results from phones: what an app's self-test measured. docs/golden.md says what it does and writes."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from conversion.artefact import manifest
from conversion.gate.drift import read_budgets
from conversion.golden.vectors import VECTOR_FILES
from training.run import Run
from training.student.atomic_write import write_text
from training.student.bounded_read import brief, read_json
from training.student.errors import BadInput, ParityBreached

SCHEMA = 1

_Text = Annotated[str, Field(min_length=1, max_length=200)]
_Count = Annotated[int, Field(ge=1)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Positive = Annotated[float, Field(gt=0)]


class _Strict(BaseModel):
    # Not strict in types throughout: JSON has one number for 0 and 0.0.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Golden(_Strict):
    """One file of golden vectors, replayed."""

    file: _Text
    vectors: _Count
    failed: tuple[_Text, ...]
    """Names of the vectors that are not identical to the bit."""


class Drift(_Strict):
    """The phone's logits and mask of the recorded photo, against those recorded."""

    flips: _Share
    """Share of the mask's pixels that changed."""
    pixels: _Count
    error: Annotated[float, Field(ge=0)]
    """The largest difference of a logit."""
    psnr: float | None = None
    """dB; None where no logit differs."""


class Milliseconds(_Strict):
    """Time from photo to mask, without drawing it."""

    p50: _Positive
    p90: _Positive
    runs: _Count


class SelfTest(_Strict):
    """The self-test of one artefact on one phone."""

    device: _Text
    system: _Text
    runtime: _Text
    unit: _Text
    """The processor that the model ran on, or was allowed to run on: CPU, GPU, …"""
    model: _Text
    """The folder of the run that the artefact is from."""
    artefact: _Text
    """Its name in the manifest, such as tflite-fp16."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    golden: Annotated[tuple[Golden, ...], Field(min_length=1)]
    drift: Drift
    ms: Milliseconds

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if missing := VECTOR_FILES.keys() - {one.file for one in self.golden}:
            raise ValueError(f"golden lacks {', '.join(sorted(missing))}")
        if self.ms.p90 < self.ms.p50:
            raise ValueError(f"ms has p50 {self.ms.p50:g} above p90 {self.ms.p90:g}")
        return self

    @property
    def vectors(self) -> str:
        """How many golden vectors are identical, of how many."""
        count = sum(one.vectors for one in self.golden)
        return f"{count - sum(len(one.failed) for one in self.golden)} of {count}"

    @property
    def breaches(self) -> list[str]:
        """What fails, in words."""
        failed = [f"{one.file} ({', '.join(one.failed)})" for one in self.golden if one.failed]
        allowed = read_budgets()[0]["fp16"]["flips"]
        found = [f"golden vectors differ: {'; '.join(failed)}"] if failed else []
        return found + ([f"flips {self.drift.flips:.2g} > {allowed}"] if self.drift.flips > allowed else [])


def parse(path: Path) -> SelfTest:
    """What an app's self-test wrote.

    Raises:
        BadInput: No such file, not the JSON of a self-test, or of another schema.
    """
    found = read_json(path, "save it from the app's self-test again")
    if not isinstance(found, dict) or "schema" not in found:
        raise BadInput(f"{path} is not what an app's self-test saves: expected an object with schema {SCHEMA}")
    if (schema := found.pop("schema")) != SCHEMA:
        raise BadInput(
            f"{path} has schema {brief(repr(schema))}, this version reads {SCHEMA}; use app and scripts of one version"
        )
    try:
        return SelfTest.model_validate(found)
    except ValidationError as error:
        wrong = [f"{brief('.'.join(map(str, one['loc']))) or 'it'}: {brief(one['msg'])}" for one in error.errors()]
        raise BadInput(f"{path} is not what an app's self-test saves: {'; '.join(wrong[:3])}") from error


def import_self_test(path: Path, run: Run | None = None) -> Run:
    """Add a self-test to the run whose artefact it tested, in place of an earlier one by the same phone.

    Args:
        path: As an app saved it.
        run: None: runs/MODEL, as the file names its model.

    Raises:
        BadInput: As `parse`; nothing was exported; or the artefact tested is not the run's.
    """
    found = parse(path)
    if run is None:
        if Path(found.model).name != found.model or found.model in ("", ".."):
            raise BadInput(f"{path} is of {found.model!r}, which is not the name of a run; name the run as well")
        run = Run(Path("runs") / found.model)
    own = manifest.read(run.export).artefacts.get(found.artefact)
    if own is None or own.sha256 != found.sha256:
        exported = f"the run's has {own.sha256[:12]}…" if own else "the run has none"
        raise BadInput(
            f"{path} is of {found.artefact} with sha256 {found.sha256[:12]}…, {exported}: {run.export}; "
            "put today's artefact into the app, test again, or name the run that it came from"
        )
    name = re.sub(r"[^\w.-]+", "-", f"{found.device}-{found.unit}-{found.artefact}")
    write_text(run.phones / f"{name}.json", json.dumps({"schema": SCHEMA, **found.model_dump()}, indent=1) + "\n")
    return run


def import_self_tests(paths: Iterable[Path], run: Run | None = None) -> list[Run]:
    """Add self-tests to the runs whose artefacts they tested, as `import_self_test` does.

    Returns:
        Each of these runs once.

    Raises:
        BadInput: As `import_self_test`.
    """
    return list(dict.fromkeys(import_self_test(path, run) for path in paths))


def read(run: Run) -> list[SelfTest]:
    """The self-tests of the artefacts that the run has now; those of older artefacts are left out.

    Raises:
        BadInput: A file is damaged.
    """
    artefacts = manifest.read(run.export).artefacts
    kept = [parse(path) for path in sorted(run.phones.glob("*.json"))]
    return [one for one in kept if one.artefact in artefacts and artefacts[one.artefact].sha256 == one.sha256]


def as_markdown(runs: Sequence[Run]) -> str:
    """A table with one row per phone, unit and artefact; empty if there are no self-tests.

    Raises:
        BadInput: Nothing exported, or a damaged file.
    """
    rows = []
    for run in runs:
        for one in read(run):
            texts = (run.folder.name, one.artefact.replace("-", " ", 1), one.device, one.system, one.runtime, one.unit)
            figures = (f"{one.ms.p50:.1f}", f"{one.ms.p90:.1f}", f"{one.drift.flips:.4%}", one.vectors)
            rows.append(f"| {' | '.join(text.replace('|', '/') for text in (*texts, *figures))} |")
    head = "| data | artefact | phone | system | runtime | unit | ms, p50 | p90 | flips | golden vectors |"
    return "\n".join([head, f"|{'---|' * 6}{'---:|' * 3}---|", *rows]) if rows else ""


def check(found: Sequence[SelfTest]) -> None:
    """Raise if a phone computes something else than it should.

    Raises:
        ParityBreached: One does.
    """
    if wrong := [f"{one.device}, {one.unit}: {'; '.join(one.breaches)}" for one in found if one.breaches]:
        raise ParityBreached(" · ".join(wrong))
