"""The folder of results and its record: no result overwrites another file, and none is made twice."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from training.student.digest import sha256
from training.student.errors import BadInput

RECORD_FILE = "results.jsonl"


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """One line of the record: a result, and what it was made from."""

    result: str
    """Its path below the folder."""
    result_sha256: str
    source: str
    """The absolute path of the photo or video."""
    source_sha256: str
    made_by: str
    """A SHA-256 over the artefact and every setting."""


class ResultsFolder:
    """A folder of results with its record: a JSON object per line; of several lines for one result, the last counts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, ResultRecord] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            record = folder / RECORD_FILE
            lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
        except OSError as error:
            raise BadInput(f"cannot use {folder} for results: {error.strerror}") from error
        for number, line in enumerate(lines, 1):
            try:
                known = ResultRecord(**json.loads(line))
            except (ValueError, TypeError) as error:
                # The last line is cut short if a run was stopped while it wrote. Its result is made again.
                if number == len(lines):
                    break
                raise BadInput(f"{record}, line {number}, is not a record of a result; use another folder") from error
            self._known[known.result] = known

    def paths(self) -> set[Path]:
        """The resolved paths of all results in the record."""
        return {(self.folder / name).resolve() for name in self._known}

    def path_for(self, wanted: Path, source: Path, inputs: Collection[Path]) -> Path:
        """The path for the result of a source: `wanted` below the folder, or with -2, -3, … where that is taken.

        A path is taken if it is an input, if the record does not know the file, if the file was changed since it was
        made, or if it is the result of another source.

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

    def is_up_to_date(self, path: Path, source_sha256: str, made_by: str) -> bool:
        """Whether this result, made from this source with these settings, is already at a path that `path_for` gave."""
        known = self._known.get(path.relative_to(self.folder).as_posix())
        return bool(known and path.exists() and (known.source_sha256, known.made_by) == (source_sha256, made_by))

    def add(self, path: Path, source: Path, source_sha256: str, made_by: str) -> None:
        """Add the result that is now at `path` to the record."""
        name = path.relative_to(self.folder).as_posix()
        made = ResultRecord(name, sha256(path), str(source), source_sha256, made_by)
        self._known[name] = made
        with (self.folder / RECORD_FILE).open("a", encoding="utf-8") as record:
            record.write(json.dumps(asdict(made), ensure_ascii=False) + "\n")
