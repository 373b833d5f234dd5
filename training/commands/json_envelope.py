"""What `--json` prints: one object of one form, whatever the command and however it ends. docs/json.md describes it."""

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

import click

from training.student.atomic_write import as_plain

SCHEMA = 1

_NOTES = ("note: ", "left out: ")
"""How lines on standard error begin that the envelope repeats."""


def show(text: object, result: Any) -> None:
    """Print what a command found: `text` for people, or under `--json` `result`, in the envelope."""
    context = click.get_current_context()
    if context.meta.get("asks_json"):
        context.meta["result"] = result
    else:
        print(text)


@contextmanager
def json_envelope(context: click.Context, command: str) -> Iterator[None]:
    """Run the block, and then print the envelope on standard output, alone; all else goes to standard error.

    Args:
        context: Its `meta` holds the `result` that `show` kept, and the `error` that ended the command.
        command: Its name.
    """
    out, notes, exit_code = sys.stdout, _Notes(sys.stderr), 1
    try:
        with redirect_stderr(notes), redirect_stdout(notes):
            yield
        exit_code = 0
    except SystemExit as end:
        exit_code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise
    finally:
        envelope = {
            "schema": SCHEMA,
            "command": command,
            "exit_code": exit_code,
            "error": context.meta.get("error"),
            "notes": notes.lines,
            "result": context.meta.get("result"),
        }
        out.write(json.dumps(as_plain(envelope), indent=1, ensure_ascii=False, allow_nan=False, default=str) + "\n")
        out.flush()


class _Notes(io.TextIOBase):
    """Standard error, which keeps the lines that are notes."""

    encoding = "utf-8"

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._line = stream, ""
        self.lines: list[str] = []

    def write(self, text: str) -> int:
        *whole, self._line = (self._line + text).split("\n")
        plain = (click.unstyle(line) for line in whole)
        self.lines += [line.removeprefix("note: ") for line in plain if line.startswith(_NOTES)]
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()
