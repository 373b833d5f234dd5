"""Photos and videos through an artefact, each by itself: what cannot be used is named, and the rest goes on."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from time import perf_counter

from tqdm import tqdm

from conversion.apply import effect as effects
from conversion.apply.codecs import FORMS
from conversion.apply.effect import EFFECTS, Look
from conversion.apply.inputs import Input, find
from conversion.apply.opened import Opened, open_artefact
from conversion.apply.photos import apply_to_photo, suffix_of
from conversion.apply.results import Results
from conversion.apply.video import apply_to_video
from training.student.atomic_write import atomic_path
from training.student.digest import sha256
from training.student.errors import BadInput, PocketmaskError

DRAWN = 2
"""Raised when the same settings come to draw something else, so that earlier results are made anew."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user asks of an artefact; None leaves it to the contract or to the photo."""

    effect: str
    background: str | None = None
    foreground: tuple[str, ...] = ()
    opening: int | None = None
    threshold: float | None = None
    feather: int | None = None
    blur: int | None = None
    smooth: float = 1.0
    biggest_side: int | None = None
    frame_rate: float | None = None


def read_wishes(*, effect: str | None, background: str | None, **others: object) -> Wishes:
    """The same from a command line.

    Raises:
        BadInput: Effect and background do not go together.
    """
    return Wishes(effects.choose(effect, background), background, **others)  # type: ignore[arg-type]  # click checks


@dataclass(slots=True)
class Summary:
    """Of one run."""

    folder: Path
    made: Counter[str] = field(default_factory=Counter)
    """How many photos, and how many videos."""
    frames: int = 0
    seconds: float = 0.0
    """Of work on all of them."""
    replaced: int = 0
    """Of those made: in place of a result of another artefact, of other settings, or of what a file held before."""
    kept: int = 0
    """That were there already, made alike."""
    faults: list[str] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """For people."""
        done = [_counted(number, kind) for kind, number in self.made.items()]
        if self.frames:
            done.append(_counted(self.frames, "frame"))
        lines = [f"{self.folder}: {', '.join(done) or 'nothing'} made in {self.seconds:.1f} s"]
        if self.replaced:
            lines.append(f"{self.replaced} of them in place of earlier results, made otherwise")
        if self.kept:
            lines.append(f"{_counted(self.kept, 'result')} kept, there already and made alike")
        if self.faults:
            lines.append(f"{_counted(len(self.faults), 'fault')}, named above")
        if self.others:
            named = ", ".join(f"{number} {suffix}" for suffix, number in sorted(self.others.items()))
            lines.append(f"neither photo nor video by name: {named}")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The same for other programs; `made` counts photos and videos, `others` files that are neither, by suffix."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        return json.dumps({**told, "folder": str(self.folder)}, indent=1, ensure_ascii=False)

    def check(self) -> None:
        """Refuse a run of which nothing came.

        Raises:
            BadInput: Nothing was made and nothing kept.
        """
        if not self.made and not self.kept:
            raise BadInput("nothing usable was left; the lines above say why")


def apply(artefact: Path, paths: Sequence[Path], out: Path | None, wishes: Wishes) -> Summary:
    """Draw what an artefact sees in photos and videos, into a folder of results.

    Args:
        artefact: Of any kind, with a contract inside.
        paths: Photos, videos, and folders of them.
        out: The folder, applied/ and the artefact's name when left out. What it holds that is not ours stays.
        wishes: What to draw, and how.

    Returns:
        What was made and where, with one line for each fault.

    Raises:
        BadInput: The artefact or a wish cannot be used, or the folder cannot be written to.
    """
    began = perf_counter()
    opened = open_artefact(artefact, opening=wishes.opening, threshold=wishes.threshold)
    look = effects.look_of(
        opened.contract,
        wishes.effect,
        foreground=wishes.foreground,
        feather=wishes.feather,
        blur=wishes.blur,
        background=wishes.background,
    )
    results = Results(out or Path("applied") / artefact.name)
    inputs = find(paths, results.paths())
    summary = Summary(results.folder, faults=list(inputs.faults), others=inputs.others)
    made_by = _made_by(opened, look, wishes)
    never = {one.path.resolve() for one in inputs.found}
    for one in tqdm(inputs.found, desc=wishes.effect, unit=" files", leave=False, disable=None):
        try:
            _apply_to(one, results, summary, opened, look, wishes, made_by, never)
        except PocketmaskError as error:
            summary.faults.append(str(error))
    summary.seconds = perf_counter() - began
    return summary


def _apply_to(
    one: Input,
    results: Results,
    summary: Summary,
    opened: Opened,
    look: Look,
    wishes: Wishes,
    made_by: str,
    never: set[Path],
) -> None:
    effect, source = EFFECTS[wishes.effect], one.path.resolve()
    suffix = FORMS[effect.video].suffix if one.is_video else suffix_of(one.path, effect)
    wanted = one.within.with_name(f"{one.within.stem}-{wishes.effect}{suffix}")
    try:
        digest = sha256(one.path)
    except OSError as error:
        raise BadInput(f"cannot read {one.path}: {error.strerror}") from error
    target = results.place(wanted, source, never)
    if results.has(target, digest, made_by):
        summary.kept += 1
        return
    is_there = target.exists()
    with atomic_path(target) as temporary:
        if one.is_video:
            told = apply_to_video(
                one.path,
                temporary,
                opened,
                effect,
                look,
                smooth=wishes.smooth,
                biggest_side=wishes.biggest_side,
                frame_rate=wishes.frame_rate,
            )
            summary.frames += told.frames
            summary.faults += [f"{one.path}: {note}" for note in told.notes]
        else:
            apply_to_photo(one.path, temporary, opened, effect, look, wishes.biggest_side)
    results.add(target, source, digest, made_by)
    summary.replaced += is_there
    summary.made["video" if one.is_video else "photo"] += 1


def _made_by(opened: Opened, look: Look, wishes: Wishes) -> str:
    """A hash of everything that a result depends on beside its source."""
    said = {
        **asdict(wishes),
        "background": None,
        "look": look.digest(),
        "contract": opened.contract.to_json(),
    }
    return hashlib.sha256(json.dumps([DRAWN, opened.sha256, said]).encode()).hexdigest()


def _counted(number: int, kind: str) -> str:
    return f"{number} {kind}{'' if number == 1 else 's'}"
