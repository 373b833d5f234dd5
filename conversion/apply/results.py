"""The folder of results and its record: no result overwrites another file, and none is made twice."""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from training.student.atomic_write import append_line, whole_lines
from training.student.bounded_read import as_type, brief, parse_json
from training.student.digest import sha256
from training.student.errors import BadInput, escaped
from training.student.temporary import sweep

RECORD_FILE = "results.jsonl"

LONGEST_NAME = 200
"""Bytes; longer names are cut and end in a digest, so that with a suffix and a number they fit any file system."""

_REMEDY = "use another folder"


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


def result_path(source: Path, ending: str) -> Path:
    """Where the result of a source would go, with a name that every file system, terminal and program takes.

    Args:
        source: Its path below the folder that was given.
        ending: What the name ends in, such as `-mask.png`.
    """
    return Path(*map(_portable, source.parent.parts), f"{_portable(source.stem)}{ending}")


def _portable(name: str) -> str:
    """The name with `_` for what cannot be printed, and U+FFFD for what is no UTF-8; cut where it is long."""
    text = os.fsencode(name).decode("utf-8", "replace")
    text = "".join(char if escaped(char) == char else "_" for char in text)
    if len(text.encode()) <= LONGEST_NAME:
        return text
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return f"{text.encode()[: LONGEST_NAME - 17].decode(errors='ignore')}-{digest}"


class ResultsFolder:
    """A folder of results with its record: a JSON object per line; of several lines for one result, the last counts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, ResultRecord] = {}
        self._made: defaultdict[str, set[str]] = defaultdict(set)
        """By result: the SHA-256 of everything that was made under its name from one source."""
        self._digests: dict[Path, str] = {}
        record = folder / RECORD_FILE
        try:
            # Of a line that was torn, by a kill or a full disk, the result is made again.
            lines = whole_lines(record)
        except OSError as error:
            raise BadInput(f"cannot use {folder} for results: {error.strerror}") from error
        for number, line in enumerate(lines, 1):
            where = f"{record}, line {number},"
            known = as_type(ResultRecord, parse_json(line, where, _REMEDY), where, _REMEDY)
            parts = Path(known.result).parts
            is_name = "\0" not in known.result and all(len(part) <= 255 for part in parts)
            if not is_name or Path(known.result).is_absolute() or ".." in parts:
                raise BadInput(f"{where} names {brief(known.result)}, which is no file in the folder; {_REMEDY}")
            self._learn(known)
        # Subfolders of results, where a killed command may have been writing.
        for place in {(folder / name).parent for name in self._known}:
            sweep(place)

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
                is_ours = known.source == str(source) and (
                    not path.exists() or self._sha256(path) in self._made[known.result]
                )
            if is_ours:
                return path
        raise AssertionError("there is always a further number")

    def is_up_to_date(self, path: Path, source_sha256: str, made_by: str) -> bool:
        """Whether this result, made from this source with these settings, is already at a path that `path_for` gave."""
        known = self._known.get(path.relative_to(self.folder).as_posix())
        if known is None or (known.source_sha256, known.made_by) != (source_sha256, made_by):
            return False
        return path.exists() and self._sha256(path) == known.result_sha256

    def add(self, path: Path, made: Path, source: Path, source_sha256: str, made_by: str) -> None:
        """Record the result that lies at `made` and is about to be moved to `path`.

        Before it is moved: a process that is killed between the two leaves a line without its file, which is made
        again, and not a file that nobody knows.

        Raises:
            BadInput: The record cannot be written to.
            OutOfSpace: The disk is full.
        """
        name = path.relative_to(self.folder).as_posix()
        record = ResultRecord(name, sha256(made), str(source), source_sha256, made_by)
        # In ASCII: a name that is no UTF-8 cannot be written otherwise.
        append_line(self.folder / RECORD_FILE, json.dumps(asdict(record)))
        self._learn(record)
        self._digests[path] = record.result_sha256

    def _learn(self, record: ResultRecord) -> None:
        before = self._known.get(record.result)
        if before and before.source != record.source:
            del self._made[record.result]
        self._known[record.result] = record
        self._made[record.result].add(record.result_sha256)

    def _sha256(self, path: Path) -> str:
        """Of a file that only this process writes to, until it ends."""
        if path not in self._digests:
            self._digests[path] = sha256(path)
        return self._digests[path]
