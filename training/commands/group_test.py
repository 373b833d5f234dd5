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
