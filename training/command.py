"""How both command lines speak: help on one screen, errors in one line, exit codes that mean something."""

import sys
from typing import Any

import click

from training.student.errors import PocketmaskError


class Commands(click.Group):
    """A group of commands whose foreseen errors end in one line, with their own exit code and no traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except PocketmaskError as error:
            click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("interrupted; the same command goes on from the last whole step", err=True)
            sys.exit(130)
