import click
import pytest
from click.testing import CliRunner

from training.commands.group import CommandGroup
from training.student.errors import BadInput, ParityBreached


@pytest.mark.parametrize(("error", "code"), [(BadInput, 2), (ParityBreached, 4)])
def test_an_error_ends_with_its_own_code(error, code):
    @click.group(cls=CommandGroup)
    def group():
        pass

    @group.command()
    def fail():
        raise error("found 3, expected 4")

    found = CliRunner().invoke(group, ["fail"])

    assert (found.exit_code, found.stderr) == (code, "error: found 3, expected 4\n")


def test_a_bug_keeps_its_traceback():
    @click.group(cls=CommandGroup)
    def group():
        pass

    @group.command()
    def fail():
        raise ZeroDivisionError

    assert isinstance(CliRunner().invoke(group, ["fail"]).exception, ZeroDivisionError)


@pytest.fixture
def renamed_group():
    """A group with a command and an option that had other names."""

    @click.group(cls=CommandGroup, renamed={"weld": "join", "join --to": "--out"})
    def group():
        pass

    @group.command()
    @click.argument("folder")
    @click.option("--out")
    def join(folder, out):
        click.echo(f"{folder} {out}")

    return group


def test_an_old_name_is_noted_even_where_the_line_is_wrong(renamed_group):
    found = CliRunner().invoke(renamed_group, ["weld", "--to"])

    assert found.exit_code == 2
    assert "weld is now called join" in found.stderr
    assert "--to is now called --out" in found.stderr


def test_quiet_says_nothing_of_old_names(renamed_group):
    found = CliRunner().invoke(renamed_group, ["weld", "a", "--to", "b", "-q"])

    assert (found.exit_code, found.output) == (0, "")


def test_a_word_behind_two_dashes_is_no_option(renamed_group):
    found = CliRunner().invoke(renamed_group, ["join", "--", "--to"])

    assert found.output == "--to None\n"
