"""How both command lines speak: help on one screen, errors in one line, exit codes that mean something."""

import inspect
import os
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
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

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Option(click.Option):
    """An option whose help shows its default, and no range: a value outside it is refused with the range."""

    def __init__(self, *args: Any, **said: Any) -> None:
        """As click's; `show_default` may be a text where the default depends on something else."""
        super().__init__(*args, **{"show_default": True, **said})

    def get_help_extra(self, ctx: click.Context) -> Any:
        """As click's, without the range, and without brackets around a default that is a text."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        if isinstance(self.show_default, str):
            extra["default"] = self.show_default
        return extra


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
        """As click's; the old name of an option is read as the new one, as `Commands.renamed` has it."""
        renamed = ctx.parent.command.renamed if ctx.parent and isinstance(ctx.parent.command, Commands) else {}
        for place, word in enumerate(args):
            old, equals, value = word.partition("=")
            new = renamed.get(f"{ctx.info_name} {old}")
            if new and new.startswith("-"):
                args[place] = f"{new}{equals}{value}"
                _note(ctx, f"{old} is now called {new}")
            elif new and ctx.parent:
                raise click.UsageError(f"{ctx.command_path} {old} is now {ctx.parent.command_path} {new} {old}", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; where it is to be quiet, what it says goes nowhere, but for JSON that was asked for."""
        with ExitStack() as stack:
            if ctx.meta.get("quiet"):
                nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
                stack.enter_context(redirect_stderr(nowhere))
                if not ctx.params.get("as_json"):
                    stack.enter_context(redirect_stdout(nowhere))
            for note in ctx.meta.get("notes", ()):
                click.echo(f"note: {note}; the old name goes with the next version", err=True)
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


class Commands(click.Group):
    """A group of commands whose foreseen errors end in one line, with their own exit code and no traceback."""

    command_class = Command

    def __init__(
        self,
        *args: Any,
        example: str = "",
        ends: tuple[type[PocketmaskError], ...] = (),
        sections: Mapping[str, Sequence[str]] = MappingProxyType({}),
        renamed: Mapping[str, str] = MappingProxyType({}),
        **said: Any,
    ) -> None:
        """As click's.

        Args:
            args: As click's.
            example: As in `Command`.
            ends: Those of any of its commands.
            sections: The names of its commands by the section of the help that lists them, in its order.
            renamed: New names by old ones, which still work for one version: of commands, as `old`, and of options,
                as `command --old`; an option that has become a command of its own is refused with the new call.
            said: As click's.
        """
        super().__init__(*args, **said)
        self.example = example
        self.ends: tuple[type[PocketmaskError], ...] = (BadInput, *ends)
        self.sections = sections
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
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
    sys.exit(exit_code)


@dataclass(frozen=True, slots=True)
class Kind:
    """What an option takes: the word that stands for it in the help, and how it is read."""

    metavar: str
    type: click.ParamType[Any]


PATH = click.Path(path_type=Path)
FOLDER, FILE, FILE_OR_FOLDER, RUN = (Kind(word, PATH) for word in ("FOLDER", "FILE", "PATH", "RUN"))
COUNT = Kind("COUNT", click.IntRange(min=1))
PIXELS = Kind("PIXELS", click.IntRange(min=0))
NUMBER = Kind("NUMBER", click.IntRange(min=0))
FRACTION = Kind("NUMBER", click.FloatRange(0, 1))
NAME = Kind("NAME", click.STRING)


def one_of(names: Iterable[str], metavar: str = "NAME") -> Kind:
    """One of a few names, which the help of the option has to list."""
    return Kind(metavar, click.Choice(list(names)))


def string(metavar: str) -> Kind:
    """Text of a form of its own, such as I/N."""
    return Kind(metavar, click.STRING)


def option(
    flag: str, kind: Kind, text: str, *, name: str | None = None, shown: str | None = None, **said: Any
) -> Decorator:
    """An option that takes a value.

    Args:
        flag: How it is typed.
        kind: What it takes.
        text: Its help.
        name: Of the parameter, where it is not that of the flag.
        shown: How the help tells its default, where it has none or that depends on something else.
        said: As click's.
    """
    if "default" not in said and not said.get("required"):
        shown = shown or "none"
    names = [flag, name] if name else [flag]
    said |= {"type": kind.type, "metavar": kind.metavar, "help": text, "show_default": shown or True}
    return click.option(*names, cls=Option, **said)


def switch(flag: str, text: str, name: str | None = None) -> Decorator:
    """An option that takes no value."""
    names = [flag, name] if name else [flag]
    return click.option(*names, cls=Option, is_flag=True, help=text)


# What several commands of either command line ask for, spelled once.

recipe_argument = click.argument("recipe_name", metavar="RECIPE")
overrides_argument = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
run_argument = click.argument("run_folder", metavar="RUN", type=PATH)

json_option = switch("--json", "Print JSON for other programs, and nothing else.", "as_json")
phrase_option = option(
    "--phrase", string("TEXT"), "Object: coin; or CLASS=TEXT,TEXT for each class.", multiple=True, required=True
)
settings_option = option("--settings", FILE, "YAML file with the teacher's settings.")
weights_option = option("--weights", string("FOLDER"), "Folder with the teacher's weights.", shown="from the hub")
device_option = option("--device", NAME, "Torch device, such as cpu or cuda:0.", default="auto")
batch_option = option("--batch", COUNT, "Photos in a batch.", default=8)
seed_option = option("--seed", NUMBER, "Random seed.", default=0)


def data_option(text: str = "Folder of pairs: photos/ and masks/.", shown: str | None = None, **said: Any) -> Decorator:
    """Pairs; required where no default is told."""
    return option("--data", FOLDER, text, shown=shown, required=shown is None, **said)


def warn(line: str) -> None:
    """Print a line on standard error, where it does not mix with results."""
    click.echo(line, err=True)


def pairs_of(folder: Path) -> "Pairs":
    """The pairs of a folder, saying on standard error how many its `dropped.txt` leaves out.

    Raises:
        BadInput: As `read_pairs`.
    """
    from training.data.pairs import read_pairs

    pairs = read_pairs(folder)
    if pairs.dropped:
        every = len(pairs.pairs) + len(pairs.dropped)
        warn(f"{folder}: dropped.txt leaves out {len(pairs.dropped)} of {every} photos")
    return pairs
