"""How both command lines speak: help on one screen, errors in one line, exit codes that mean something."""

import inspect
import os
import sys
import warnings
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from training.student.errors import AccuracyBreached, BadInput, ConversionRefused, ParityBreached, PocketmaskError

if TYPE_CHECKING:
    from training.data.pairs import Pairs

ENDINGS: Mapping[type[PocketmaskError], str] = MappingProxyType(
    {
        BadInput: "bad input",
        ConversionRefused: "refused",
        ParityBreached: "parity breached",
        AccuracyBreached: "masks worse",
    }
)
"""How a command may end beside well, in the words of its help; the codes are the errors' own."""

as_json = click.option("--json", "as_json", is_flag=True, help="Print it for other programs, nothing else.")


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
        quiet = click.Option(
            ["-q", "--quiet"],
            is_flag=True,
            expose_value=False,
            help="Print nothing but errors.",
            callback=lambda ctx, _, value: ctx.meta.update(quiet=value),
        )
        self.params.append(quiet)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; where it is to be quiet, what it says goes nowhere, but for JSON that was asked for."""
        with ExitStack() as stack:
            if ctx.meta.get("quiet"):
                nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
                stack.enter_context(redirect_stderr(nowhere))
                if not ctx.params.get("as_json"):
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

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list."""
        from training.teacher.teachers import TEACHERS

        formatter.write("Teachers:\n")
        with formatter.indentation():
            formatter.write_dl([(name, entry.summary) for name, entry in TEACHERS.items()])


class Commands(click.Group):
    """A group of commands whose foreseen errors end in one line, with their own exit code and no traceback."""

    command_class = Command

    def __init__(
        self, *args: Any, example: str = "", ends: tuple[type[PocketmaskError], ...] = (), **said: Any
    ) -> None:
        """As `Command`; `ends` are those of any of its commands."""
        super().__init__(*args, **said)
        self.example = example
        self.ends: tuple[type[PocketmaskError], ...] = (BadInput, *ends)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As `Command`, and its commands in place of options: --help, the only one, is what one is reading."""
        self.format_usage(ctx, formatter)
        _explain(formatter, self.help, self.example, self.ends)
        self.format_commands(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        from PIL import Image

        # `read_photo` refuses what is too large in a line of its own.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except PocketmaskError as error:
            _end(str(error), error.exit_code)
        except click.UsageError as error:
            asked = error.ctx.command_path if error.ctx else ctx.command_path
            message = error.format_message().rstrip(".")
            # Click asks which of the near ones was meant.
            _end(f"{message}{' See' if '?' in message[-2:] else '; see'} {asked} --help", error.exit_code)
        except KeyboardInterrupt:
            click.echo("interrupted; the same command goes on from the last whole step", err=True)
            sys.exit(130)


def _explain(
    formatter: click.HelpFormatter, text: str | None, example: str, ends: tuple[type[PocketmaskError], ...]
) -> None:
    codes = ", ".join(["0 fine", *(f"{error.exit_code} {ENDINGS[error]}" for error in ends)])
    with formatter.indentation():
        formatter.write_text(inspect.cleandoc(text or ""))
    formatter.write(f"  Example: {example}\n  Exit codes: {codes}\n")


def _end(message: str, exit_code: int) -> NoReturn:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
    sys.exit(exit_code)


def pairs_of(folder: Path) -> "Pairs":
    """The pairs of a folder, saying on standard error how many its `dropped.txt` leaves out.

    Raises:
        BadInput: As `read_pairs`.
    """
    from training.data.pairs import read_pairs

    pairs = read_pairs(folder)
    if pairs.dropped:
        every = len(pairs.pairs) + len(pairs.dropped)
        click.echo(f"{folder}: dropped.txt leaves out {len(pairs.dropped)} of {every} photos", err=True)
    return pairs
