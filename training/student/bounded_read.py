"""Bounded reads: text, JSON, YAML and CSV that may be damaged or hostile. What does not do is a BadInput of one line.

The message names the file, the place in it and a remedy. Files of other programs' making, such as weights, have
readers of their own.
"""

import csv
import errno
import io
import json
import os
import stat
from collections import Counter
from collections.abc import Hashable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from training.student.errors import BadInput, escaped, one_line

if TYPE_CHECKING:
    from yaml import SafeLoader

T = TypeVar("T")

MOST_BYTES = 256 * 2**20
"""Of JSON, CSV and text; a record of a million pairs takes less."""
MOST_YAML_BYTES = 2**18
"""PyYAML reads some 100 kB a second, and people write YAML by hand."""
MOST_DEPTH = 64
"""Of brackets in brackets."""
MOST_DIGITS = 40
"""Of a whole number; Python takes time for the square of it."""

_KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}


def open_file(path: Path) -> io.BufferedReader:
    """Open a regular file to read; a pipe or a device, which might never end, is refused without waiting for it.

    Raises:
        OSError: It cannot be read; its `strerror` says why.
    """
    # Without O_NONBLOCK, opening a pipe waits for somebody to write into it. Windows has neither.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = next((name for is_kind, name in _KINDS.items() if is_kind(mode)), "no file")
        raise OSError(errno.EINVAL, f"it is {kind}, expected a file", str(path))
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, remedy: str, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file.

    Args:
        path: The file.
        remedy: What to do about a file that cannot be used, for messages.
        most: Larger files are refused.

    Raises:
        BadInput: It cannot be read, or is larger.
    """
    try:
        with open_file(path) as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read {path}: {getattr(error, 'strerror', None) or error}; {remedy}") from error
    if len(content) > most:
        raise BadInput(f"{path} is larger than {most // 1024} KiB; {remedy}")
    return content


def read_text(path: Path, remedy: str, most: int = MOST_BYTES) -> str:
    """The text of a UTF-8 file, as `read_bytes`.

    Raises:
        BadInput: As `read_bytes`, or it is not UTF-8.
    """
    return _decoded(read_bytes(path, remedy, most), str(path), remedy)


def read_json(path: Path, remedy: str, *, finite: bool = True) -> Any:
    """What a JSON file holds, as `parse_json`.

    Raises:
        BadInput: As `read_bytes` and `parse_json`.
    """
    return parse_json(read_bytes(path, remedy), str(path), remedy, finite=finite)


def read_json_as(kind: type[T], path: Path, remedy: str, *, finite: bool = True) -> T:
    """What a JSON file holds, as `as_type`.

    Raises:
        BadInput: As `read_json` and `as_type`.
    """
    return as_type(kind, read_json(path, remedy, finite=finite), str(path), remedy)


def parse_json(text: str | bytes, where: str, remedy: str, *, finite: bool = True) -> Any:
    """The value of a JSON text.

    Args:
        text: As it was found.
        where: What it is, for messages.
        remedy: What to do about a text that cannot be used.
        finite: Whether to refuse NaN and infinities, which JSON does not have, but Python writes.

    Raises:
        BadInput: It is not UTF-8, no JSON, gives a key twice, or nests or counts beyond all use.
    """
    text = text if isinstance(text, str) else _decoded(text, where, remedy)
    try:
        return json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_int=_whole_number,
            parse_float=_finite_number if finite else float,
            parse_constant=_refuse_constant if finite else float,
        )
    except RecursionError:
        fault = "it nests too deeply"
    except ValueError as error:
        fault = one_line(error)
    raise BadInput(f"{where} is not JSON ({brief(fault)}); {remedy}")


def parse_yaml(text: str | bytes, where: str, remedy: str = "mend it") -> Any:
    """The value of a YAML text of plain values: no alias, which a small file might use to ask for gigabytes.

    Raises:
        BadInput: It is not UTF-8, no YAML, gives a key twice, uses an alias, or nests or counts beyond all use.
    """
    import yaml

    text = text if isinstance(text, str) else _decoded(text, where, remedy)
    if len(text) > MOST_YAML_BYTES:
        raise BadInput(f"{where} is larger than {MOST_YAML_BYTES // 1024} KiB; {remedy}")
    try:
        return yaml.load(text, _bounded_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        fault = brief(error.problem or error.context or "damaged")
        raise BadInput(f"{where} is not YAML ({place}{fault}); {remedy}") from error
    # PyYAML lets through what Python raises on `!!int x`, `!!timestamp x` or the 45th day of a month.
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        ArithmeticError,
        RecursionError,
    ) as error:
        fault = brief(" ".join(str(error).split()) or type(error).__name__)
        raise BadInput(f"{where} is not YAML ({fault}); {remedy}") from error


def read_csv(path: Path, remedy: str) -> list[dict[str, str]]:
    """The rows of a CSV file by the names in its first line.

    Raises:
        BadInput: As `read_text`, or a row is longer or shorter than the first line.
    """
    rows: list[dict[str, str]] = []
    # Not `newline=None`: a quoted field may hold line breaks.
    reader = csv.DictReader(io.StringIO(read_text(path, remedy), newline=""))
    try:
        for row in reader:
            if None in row or None in row.values():
                raise BadInput(f"{path}, line {reader.line_num}, has another number of fields than line 1; {remedy}")
            rows.append(row)
    except csv.Error as error:
        raise BadInput(f"{path}, line {reader.line_num}, is not CSV ({one_line(error)}); {remedy}") from error
    return rows


def as_type(kind: type[T], value: Any, where: str, remedy: str) -> T:
    """A plain value as a dataclass or another type, its fields checked.

    Raises:
        BadInput: A field is missing or of another type.
    """
    from pydantic import ValidationError

    try:
        found: T = _adapter(cast("Hashable", kind)).validate_python(value)
        return found
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = brief(".".join(map(str, fault["loc"]))) or "it"
        raise BadInput(f"{where} is not what it should be ({place}: {brief(fault['msg'])}); {remedy}") from error
    except RecursionError as error:
        raise BadInput(f"{where} is not what it should be (it nests too deeply); {remedy}") from error


def brief(text: object, most: int = 120) -> str:
    """A text for a message: on one line, cut where it is long."""
    shown = escaped(str(text)[: most + 1])
    return shown if len(shown) <= most else f"{shown[:most]}…"


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _decoded(content: bytes, where: str, remedy: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{where}, line {line}, is not UTF-8 text; {remedy}") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {twice!r} comes twice")
    return found


def _whole_number(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _finite_number(digits: str) -> float:
    value = float(digits)
    if abs(value) == float("inf"):
        raise ValueError(f"{brief(digits, 20)} is too large a number")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _bounded_loader() -> "type[SafeLoader]":
    import yaml
    from yaml.composer import ComposerError
    from yaml.constructor import ConstructorError

    class BoundedLoader(yaml.SafeLoader):
        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            if self.check_event(yaml.AliasEvent):
                raise ComposerError(None, None, "an alias; write the value out", mark)
            self.depth += 1
            if self.depth > MOST_DEPTH:
                raise ComposerError(None, None, f"it nests deeper than {MOST_DEPTH}", mark)
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            given: set[Any] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if (key.tag, key.value) in given:
                        raise ConstructorError(None, None, f"the key {key.value!r} comes twice", key.start_mark)
                    given.add((key.tag, key.value))
            return super().construct_mapping(node, deep)

        def construct_yaml_int(self, node: Any) -> int:
            if len(node.value) > MOST_DIGITS:
                raise ConstructorError(None, None, f"a number of {len(node.value)} digits", node.start_mark)
            return super().construct_yaml_int(node)

    # The table of constructors names functions, not methods to look up.
    BoundedLoader.add_constructor("tag:yaml.org,2002:int", BoundedLoader.construct_yaml_int)
    return BoundedLoader
