"""How both command lines speak: help on one screen, errors in one line, exit codes that mean something."""

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from training.student.errors import PocketmaskError

if TYPE_CHECKING:
    from training.data.pairs import Pairs


class TeacherCommand(click.Command):
    """A command whose help ends in a list of all teachers, imported only to be shown."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list."""
        from training.teacher.teachers import TEACHERS

        with formatter.section("Teachers"):
            formatter.write_dl([(name, entry.summary) for name, entry in TEACHERS.items()])


class Commands(click.Group):
    """A group of commands whose foreseen errors end in one line, with their own exit code and no traceback."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands alone: --help, the only option, is what one is reading."""
        self.format_commands(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        from PIL import Image

        # `read_photo` refuses what is too large in a line of its own.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            return super().invoke(ctx)
        except PocketmaskError as error:
            _end(str(error), error.exit_code)
        except click.UsageError as error:
            asked = error.ctx.command_path if error.ctx else ctx.command_path
            _end(f"{error.format_message().rstrip('.')}; see {asked} --help", error.exit_code)
        except KeyboardInterrupt:
            click.echo("interrupted; the same command goes on from the last whole step", err=True)
            sys.exit(130)


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
