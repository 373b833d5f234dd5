"""What several commands take: kinds of values, options and arguments, each spelled once."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from training.data.pairs import Pairs

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


@dataclass(frozen=True, slots=True)
class ValueType:
    """What an option takes: the word that stands for it in the help, and how it is read."""

    metavar: str
    type: click.ParamType[Any]


class _PathType(click.Path):
    """A path whose names a file system can hold, so that nobody has to ask again."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click's; a name of more than 255 bytes is refused."""
        if any(len(name) > LONGEST for name in os.fsencode(value).split(b"/")):
            self.fail(f"a name in it is longer than {LONGEST} bytes; use a shorter one", param, ctx)
        return super().convert(value, param, ctx)


LONGEST = 255
"""Bytes of a name, on all file systems in use."""

PATH = _PathType(path_type=Path)
FOLDER, FILE, FILE_OR_FOLDER, RUN = (ValueType(word, PATH) for word in ("FOLDER", "FILE", "PATH", "RUN"))
COUNT = ValueType("COUNT", click.IntRange(min=1))
PIXELS = ValueType("PIXELS", click.IntRange(min=0))
NUMBER = ValueType("NUMBER", click.IntRange(min=0))
FRACTION = ValueType("NUMBER", click.FloatRange(0, 1))
NAME = ValueType("NAME", click.STRING)


def one_of(names: Iterable[str], metavar: str = "NAME") -> ValueType:
    """One of a few names, which the help of the option has to list."""
    return ValueType(metavar, click.Choice(list(names)))


def string(metavar: str) -> ValueType:
    """Text of a form of its own, such as I/N."""
    return ValueType(metavar, click.STRING)


def option(
    flag: str, kind: ValueType, text: str, *, name: str | None = None, shown: str | None = None, **said: Any
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


recipe_argument = click.argument("recipe_name", metavar="RECIPE")
overrides_argument = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
run_argument = click.argument("run_folder", metavar="RUN", type=PATH)

json_option = click.option(
    "--json", cls=Option, is_flag=True, expose_value=False, help="Print one JSON object for other programs."
)
"""What then is printed is up to `json_envelope`; the command calls `show`."""
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


def claim_for_command(folder: Path, name: str = "") -> None:
    """Keep other processes from a result until the command ends, as `claim` does; call it before any work.

    Raises:
        BadInput: As `claim`.
    """
    from training.student.claim import claim

    click.get_current_context().with_resource(claim(folder, name))


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
