"""What every command of both command lines owes to whoever types it."""

import json
import shlex

import pytest
from click.testing import CliRunner

from conversion.__main__ import main as conversion
from training.__main__ import main as training

GROUPS = {"training": training, "conversion": conversion}
COMMANDS = [(package, name) for package, group in GROUPS.items() for name in group.commands]


def run(package, *arguments, **options):
    return CliRunner().invoke(GROUPS[package], [str(argument) for argument in arguments], **options)


@pytest.mark.parametrize(("package", "name"), [*COMMANDS, *((package, None) for package in GROUPS)])
def test_help_is_one_screen_with_an_example_and_exit_codes(package, name):
    found = run(package, *filter(None, [name]), "--help")

    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert not any(line.endswith("...") for line in lines if not line.startswith("Usage"))
    assert f"  Example: python -m {package} " in found.stdout
    assert "  Exit codes: 0 fine, 2 bad input" in found.stdout
    assert name is None or "  -q, --quiet " in found.stdout
    assert found.stdout == run(package, *filter(None, [name]), "-h").stdout


@pytest.mark.parametrize(("package", "name"), COMMANDS)
def test_the_example_is_a_call_that_is_understood(package, name):
    command = GROUPS[package].commands[name]

    python, module, own, called, *arguments = shlex.split(command.example)

    assert (python, module, own, called) == ("python", "-m", package, name)
    with command.make_context(name, arguments) as context:
        assert context.args == []


@pytest.mark.parametrize(("package", "name"), COMMANDS)
def test_what_is_nearly_a_command_or_an_option_is_suggested(package, name):
    wrong = run(package, f"{name}e")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    # `designs` and `design`, `bench` and `bench-emission` may both be near.
    assert "Did you mean" in wrong.stderr
    assert f"'{name}'" in wrong.stderr

    option = run(package, name, "--qiet")
    assert option.exit_code == 2
    assert "'--quiet'" in option.stderr
    assert "? See " in option.stderr or "?) See " in option.stderr
    assert option.stderr.count("\n") == 1


def test_the_help_of_a_group_names_every_command():
    for package, group in GROUPS.items():
        shown = run(package, "--help").stdout
        assert all(f"\n  {name} " in shown for name in group.commands)


def test_quiet_prints_errors_and_json_alone(tmp_path):
    loud = run("training", "render", tmp_path / "a", "--count", 2)
    quiet = run("training", "render", tmp_path / "b", "--count", 2, "--quiet")
    assert loud.stdout
    assert (quiet.exit_code, quiet.output) == (0, "")
    assert list((tmp_path / "b" / "photos").iterdir())

    refused = run("training", "render", tmp_path / "a", "-q")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: ")


def test_json_is_all_that_is_printed(tmp_path, bright):
    from PIL import Image

    from training.student.contract import Contract

    artefact = bright(tmp_path / "bright.onnx", Contract(32, 48, 4, ("bright",)))
    Image.new("RGB", (9, 7)).save(tmp_path / "photo.png")
    (tmp_path / "broken.png").touch()
    given = ("apply", artefact, tmp_path / "photo.png", tmp_path / "broken.png", "--out", tmp_path / "out", "--json")

    for said in ((), ("--quiet",)):
        found = run("conversion", *given, *said)

        told = json.loads(found.stdout)
        assert found.exit_code == 0
        assert told["folder"] == str(tmp_path / "out")
        assert len(told["faults"]) == 1
        assert bool(found.stderr) is not bool(said)
    assert (told["made"], told["kept"]) == ({}, 1)
    assert json.loads(run("conversion", "inspect", artefact, "--json").stdout)


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)])
def test_colours_are_for_terminals_and_for_those_who_want_them(variables, coloured):
    """`color` makes of the test's standard error what a terminal is."""
    assert ("\x1b[" in run("training", "fly", color=True, env={"NO_COLOR": None, **variables}).stderr) is coloured
    assert "\x1b[" not in run("training", "fly", env={"NO_COLOR": None, **variables}).stderr
