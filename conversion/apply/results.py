"""What has been made, of what and how: names that collide with nothing, and no work done twice."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from training.student.digest import sha256
from training.student.errors import BadInput

FILE = "results.jsonl"


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the record."""

    result: str
    """Its path below the folder."""
    result_sha256: str
    source: str
    """The photo's or video's whole path."""
    source_sha256: str
    made_by: str
    """A hash of the artefact and of every setting."""


class Results:
    """A folder of results and its record, a JSON object on each line; of one result the last line counts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, Result] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lines = (folder / FILE).read_text(encoding="utf-8").splitlines() if (folder / FILE).exists() else []
        except OSError as error:
            raise BadInput(f"cannot use {folder} for results: {error.strerror}") from error
        for number, line in enumerate(lines, 1):
            try:
                known = Result(**json.loads(line))
            except (ValueError, TypeError) as error:
                # The last line may have been cut short by whatever ended that run; its result is made again.
                if number == len(lines):
                    break
                raise BadInput(f"{folder / FILE}, line {number}, is no result; name another folder") from error
            self._known[known.result] = known

    def paths(self) -> set[Path]:
        """Resolved, of all results that are there."""
        return {(self.folder / name).resolve() for name in self._known}

    def place(self, wanted: Path, source: Path, inputs: Collection[Path]) -> Path:
        """Where the result of a source goes: `wanted` below the folder, or with -2, -3, … where that is another's.

        A file that no run of ours made, or that somebody has changed since, is another's; so is every input.

        Args:
            wanted: A path below the folder.
            source: Resolved path of the photo or video.
            inputs: Resolved paths that must never be written to.
        """
        for number in count(1):
            name = wanted if number == 1 else wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
            path, known = self.folder / name, self._known.get(name.as_posix())
            if path.resolve() in inputs:
                continue
            if known is None:
                is_ours = not (path.exists() or path.is_symlink())
            else:
                is_ours = known.source == str(source) and (not path.exists() or sha256(path) == known.result_sha256)
            if is_ours:
                return path
        raise AssertionError("there is always a further number")

    def has(self, path: Path, source_sha256: str, made_by: str) -> bool:
        """Whether this very result lies at a path that `place` gave."""
        known = self._known.get(path.relative_to(self.folder).as_posix())
        return bool(known and path.exists() and (known.source_sha256, known.made_by) == (source_sha256, made_by))

    def add(self, path: Path, source: Path, source_sha256: str, made_by: str) -> None:
        """Record a result that now lies at `path`."""
        name = path.relative_to(self.folder).as_posix()
        made = Result(name, sha256(path), str(source), source_sha256, made_by)
        self._known[name] = made
        with (self.folder / FILE).open("a", encoding="utf-8") as record:
            record.write(json.dumps(asdict(made), ensure_ascii=False) + "\n")
