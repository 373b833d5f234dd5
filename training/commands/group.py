"""How both command lines speak: help on one screen, errors in one line, exit codes that mean something."""

import inspect
import io
import os
import signal
import sys
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

import click

from training.commands.json_envelope import json_envelope
from training.commands.parameters import Option
from training.commands.stops import Stop, catch_signals, own_temporary_files
from training.device import TORCH_VARIABLES, named_fallbacks
from training.student.errors import (
    AccuracyBreached,
    BadInput,
    ConversionRefused,
    ParityBreached,
    PocketmaskError,
    escaped,
)
from training.student.exhaustion import exhausted

ENDINGS: Mapping[type[PocketmaskError], str] = MappingProxyType(
    {
        BadInput: "bad input",
        ConversionRefused: "refused",
        ParityBreached: "parity breached",
        AccuracyBreached: "masks worse",
    }
)
"""How a command may end beside well, in the words of its help; the codes are the errors' own."""


class Command(click.Command):
    """A command whose help fits one screen, with an example that works and the codes that it ends with."""

    def __init__(
        self, *args: Any, example: str = "", ends: tuple[type[PocketmaskError], ...] = (), **said: Any
    ) -> None:
        """As click's.

        Args:
            args: As click's.
            example: A whole line for a shell.
            ends: The errors that it may end with beside bad input.
            said: As click's.
        """
        super().__init__(*args, **said)
        self.example = example
        self.ends: tuple[type[PocketmaskError], ...] = (BadInput, *ends)
        quiet = Option(
            ["-q", "--quiet"],
            is_flag=True,
            expose_value=False,
            help="Print nothing but errors.",
            callback=lambda ctx, _, value: ctx.meta.update(quiet=value),
        )
        self.params.append(quiet)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's; the old name of an option is read as the new one, as `CommandGroup.renamed` has it."""
        renamed = ctx.parent.command.renamed if ctx.parent and isinstance(ctx.parent.command, CommandGroup) else {}
        for place, word in enumerate(args[: args.index("--")] if "--" in args else args):
            old, equals, value = word.partition("=")
            new = renamed.get(f"{ctx.info_name} {old}")
            if new and new.startswith("-"):
                args[place] = f"{new}{equals}{value}"
                _note(ctx, f"{old} is now called {new}")
            elif new and ctx.parent:
                raise click.UsageError(f"{ctx.command_path} {old} is now {ctx.parent.command_path} {new} {old}", ctx)
        # Also where the line turns out to be wrong, or asks for help.
        if not {"-q", "--quiet"} & set(args):
            for note in ctx.meta.get("notes", ()):
                click.echo(f"note: {note}; the old name goes with the next version", err=True)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; where it is to be quiet, what it says goes nowhere, but for JSON that was asked for."""
        with ExitStack() as stack:
            if ctx.meta.get("quiet"):
                nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
                stack.enter_context(redirect_stderr(nowhere))
                if not ctx.meta.get("asks_json"):
                    stack.enter_context(redirect_stdout(nowhere))
            return super().invoke(ctx)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Usage, what it does, an example, the exit codes, its options: no line more than they need."""
        self.format_usage(ctx, formatter)
        _explain(formatter, self.help, self.example, self.ends)
        # What --help does one has just seen; arguments are in the usage.
        asked = self.get_help_option(ctx)
        shown = [one for one in self.get_params(ctx) if isinstance(one, click.Option) and one is not asked]
        records = [option.get_help_record(ctx) for option in shown]
        with formatter.section("Options"):
            formatter.write_dl([record for record in records if record])
        self.format_epilog(ctx, formatter)


class TeacherCommand(Command):
    """A command whose help ends in a list of all teachers, imported only to be shown."""

    def __init__(self, *args: Any, is_brief: bool = False, **said: Any) -> None:
        """As `Command`; `is_brief` lists their names alone."""
        super().__init__(*args, **said)
        self.is_brief = is_brief

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list."""
        from training.teacher.teachers import TEACHERS

        if self.is_brief:
            formatter.write(f"Teachers: {' '.join(TEACHERS)}\n  `python -m training label --help` describes them.\n")
            return
        formatter.write("Teachers:\n")
        with formatter.indentation():
            formatter.write_dl([(name, entry.summary) for name, entry in TEACHERS.items()])


def command(name: str, *, cls: type[Command] = Command, **said: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a command of a function, as click's `command`; the group lists it in a section."""
    return click.command(name, cls=cls, **said)


class CommandGroup(click.Group):
    """A group of commands whose foreseen errors end in one line, with their own exit code and no traceback."""

    command_class = Command

    def __init__(
        self,
        *args: Any,
        example: str = "",
        ends: tuple[type[PocketmaskError], ...] = (),
        sections: Mapping[str, Sequence[click.Command]] = MappingProxyType({}),
        renamed: Mapping[str, str] = MappingProxyType({}),
        **said: Any,
    ) -> None:
        """As click's.

        Args:
            args: As click's.
            example: As in `Command`.
            ends: Those of any of its commands.
            sections: Its commands by the section of the help that lists them, in its order.
            renamed: New names by old ones, which still work for one version: of commands, as `old`, and of options,
                as `command --old`; an option that has become a command of its own is refused with the new call.
            said: As click's.
        """
        super().__init__(*args, **said)
        self.example = example
        self.ends: tuple[type[PocketmaskError], ...] = (BadInput, *ends)
        for one in (one for listed in sections.values() for one in listed):
            self.add_command(one)
        self.sections = {title: [str(one.name) for one in listed] for title, listed in sections.items()}
        self.renamed = renamed

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As `Command`, and its commands in place of options: --help, the only one, is what one is reading."""
        self.format_usage(ctx, formatter)
        _explain(formatter, self.help, self.example, self.ends)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Every command in a line; the title of a section stands beside its first, so that all fit one screen."""
        indent, column = max(map(len, self.sections), default=0) + 2, max(map(len, self.commands)) + 2
        formatter.write_paragraph()
        for title, names in self.sections.items():
            for name in names:
                text = self.commands[name].get_short_help_str(formatter.width - indent - column)
                formatter.write(f"{title if name == names[0] else '':{indent}}{name:{column}}{text}\n")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's; an old name finds the command of the new one."""
        if new := self.renamed.get(args[0]):
            _note(ctx, f"{ctx.command_path} {args[0]} is now called {new}")
            args = [new, *args[1:]]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's; whether JSON is asked for must be known before the command's own arguments are read."""
        ctx.meta["asks_json"] = "--json" in (args[: args.index("--")] if "--" in args else args)
        ctx.meta["command"] = args[0] if args else None
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; under `--json` its envelope is printed, however it ends."""
        with json_envelope(ctx, ctx.meta["command"]) if ctx.meta["asks_json"] else nullcontext():
            return self._guarded(ctx)

    def _guarded(self, ctx: click.Context) -> Any:
        """Run the command; what is foreseen ends it in one line, signals included."""
        with catch_signals() as stop:
            try:
                with own_temporary_files():
                    result = self._invoke(ctx)
            except BaseException as error:
                # Whatever a library made of the signal.
                if stop.signal or isinstance(error, KeyboardInterrupt):
                    _end_of_stop(stop)
                if isinstance(error, PocketmaskError):
                    # A fault of each of several files has a line of its own; names have none.
                    _end("\n  ".join(map(escaped, str(error).split("\n  "))), error.exit_code)
                if isinstance(error, click.UsageError):
                    asked = error.ctx.command_path if error.ctx else ctx.command_path
                    message = error.format_message().rstrip(".")
                    # Click asks which of the near ones was meant.
                    _end(f"{message}{' See' if '?' in message[-2:] else '; see'} {asked} --help", error.exit_code)
                if found := exhausted(error):
                    _end(str(found), found.exit_code)
                raise
            if stop.signal:
                _end_of_stop(stop)
            return result

    def _invoke(self, ctx: click.Context) -> Any:
        from PIL import Image

        # `read_photo` refuses what is too large in a line of its own.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        # Of odd EXIF tags, which nobody asked for.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A file's name may be no text. What is written instead, JSON reads as the same name.
                stream.reconfigure(errors="backslashreplace")
        os.environ.update({name: os.environ.get(name, value) for name, value in TORCH_VARIABLES.items()})
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        with named_fallbacks(lambda note: click.echo(f"note: {note}", err=True)):
            return super().invoke(ctx)


def _end_of_stop(stop: Stop) -> NoReturn:
    said = f"stopped by {stop.signal.name}" if stop.signal else "interrupted"
    message = f"{said}; the same command goes on from the last whole step"
    click.get_current_context().meta["error"] = message
    click.echo(message, err=True)
    sys.exit(128 + (stop.signal or signal.SIGINT))


def _note(ctx: click.Context, text: str) -> None:
    ctx.meta.setdefault("notes", []).append(text)


def _explain(
    formatter: click.HelpFormatter, text: str | None, example: str, ends: tuple[type[PocketmaskError], ...]
) -> None:
    codes = ", ".join(["0 fine", *(f"{error.exit_code} {ENDINGS[error]}" for error in ends)])
    with formatter.indentation():
        formatter.write_text(inspect.cleandoc(text or ""))
    room = formatter.width - (2 if len(example) + 11 <= formatter.width else 4)
    shown = textwrap.wrap(f"Example: {example}", room, break_on_hyphens=False, subsequent_indent=" " * 4)
    formatter.write("  " + " \\\n  ".join(shown) + f"\n  Exit codes: {codes}\n")


def _end(message: str, exit_code: int) -> NoReturn:
    click.get_current_context().meta["error"] = message
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
    sys.exit(exit_code)
