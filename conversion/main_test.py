"""What every command of both command lines owes to whoever types it."""

import ast
import json
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from conversion.__main__ import main as conversion
from training.__main__ import main as training

GROUPS = {"training": training, "conversion": conversion}
COMMANDS = [(package, name) for package, group in GROUPS.items() for name in group.commands]
ROOT = Path(__file__).resolve().parents[1]
VERBS = {
    *("Apply", "Check", "Compare", "Convert", "Copy", "Draw", "Fine-tune", "Label", "Measure", "Print", "Render"),
    *("Review", "Run", "Search", "Serve", "Show", "Suggest", "Train", "Tune", "Write"),
}
METAVARS = {
    *("COUNT", "FILE", "FOLDER", "NAME", "NUMBER", "PATH", "PIXELS", "RUN"),
    *("NAMES", "NUMBERS", "CLASS", "I/N", "LOGIT", "LOW,HIGH", "NAME=FOLDER", "NAME=NUMBER", "ROWSxCOLUMNS"),
    *("TARGET", "TENSOR", "TEXT"),
}
"""What an option takes: the common kinds, then those of a few options alone."""


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
    # `compare` and `compare-teachers`, `bench` and `bench-designs` may both be near.
    assert "Did you mean" in wrong.stderr
    assert f"'{name}'" in wrong.stderr

    option = run(package, name, "--qiet")
    assert option.exit_code == 2
    assert "'--quiet'" in option.stderr
    assert "? See " in option.stderr or "?) See " in option.stderr
    assert option.stderr.count("\n") == 1


@pytest.mark.parametrize("package", GROUPS)
def test_the_help_of_a_group_names_every_command_once_in_a_section(package):
    group = GROUPS[package]

    named = [name for names in group.sections.values() for name in names]
    assert sorted(named) == sorted(group.commands)

    listed = run(package, "--help").stdout.split("\n\n")[1].splitlines()
    indent = max(map(len, group.sections)) + 2
    assert [line[indent:].split()[0] for line in listed] == [
        name for names in group.sections.values() for name in names
    ]
    assert [line[:indent].strip() for line in listed if line[0] != " "] == list(group.sections)
    assert not any("..." in line for line in listed)


@pytest.mark.parametrize("package", GROUPS)
def test_every_command_that_is_written_is_in_the_group(package):
    modules = [
        import_module(f"{package}.commands.{path.stem}")
        for path in (ROOT / package / "commands").glob("*.py")
        if not path.stem.endswith("_test")
    ]

    written = [one for module in modules for one in vars(module).values() if isinstance(one, click.Command)]
    assert sorted(one.name for one in written) == sorted(GROUPS[package].commands)


@pytest.mark.parametrize("package", GROUPS)
def test_help_is_shown_without_waiting_for_heavy_imports(package):
    heavy = {"coremltools", "cv2", "numpy", "onnx", "onnxruntime", "torch"}
    code = f"import sys, {package}.__main__; print(*sys.modules)"

    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    imported = set(found.stdout.split())
    assert f"{package}.commands" in imported
    assert not heavy & imported


@pytest.mark.parametrize(("package", "name"), COMMANDS)
def test_the_help_of_a_command_begins_with_a_verb(package, name):
    command = GROUPS[package].commands[name]

    assert command.help.split()[0] in VERBS
    assert command.short_help.split()[0] in VERBS
    assert command.help.rstrip().endswith(".")
    assert command.short_help.endswith(".")


@pytest.mark.parametrize(("package", "name"), COMMANDS)
def test_an_option_says_what_it_takes_and_what_it_is_without(package, name):
    command = GROUPS[package].commands[name]

    with command.make_context(name, [], resilient_parsing=True) as context:
        for option in (one for one in command.params if isinstance(one, click.Option)):
            text = option.get_help_record(context)[1]
            if not option.is_flag:
                assert option.metavar in METAVARS
                assert option.required or "[default: " in text
            if isinstance(option.type, click.Choice):
                assert all(choice in text for choice in option.type.choices)


@pytest.mark.parametrize("package", GROUPS)
def test_an_old_name_leads_to_the_command_or_option_of_the_new_one(package):
    group = GROUPS[package]

    for old, new in group.renamed.items():
        command, _, option = old.partition(" ")
        if not option:
            assert old not in group.commands
            assert run(package, old, "--help").stdout == run(package, new, "--help").stdout
        elif new.startswith("-"):
            options = [flag for one in group.commands[command].params for flag in one.opts]
            assert new in options
            assert option not in options
        else:
            refused = run(package, command, option, "x")
            assert refused.exit_code == 2
            assert f"error: main {command} {option} is now main {new} {option}; see" in refused.stderr


def test_an_old_name_is_told_the_new_one(tmp_path):
    gone = tmp_path / "gone"

    found = run("training", "rate", "mobile", "--data", gone, "--to=x")

    notes = [line for line in found.stderr.splitlines() if line.startswith("note: ")]
    assert notes == [
        "note: main rate is now called lr-find; the old name goes with the next version",
        "note: --to is now called --out; the old name goes with the next version",
    ]
    assert "gone does not exist" in found.stderr
    assert "note" not in run("training", "rate", "mobile", "--data", gone, "-q").stderr
    assert "note" not in run("training", "lr-find", "mobile", "--data", gone, "--out", "x").stderr


def test_make_help_lists_each_target_in_a_line_that_begins_with_a_verb():
    lines = (ROOT / "Makefile").read_text().splitlines()
    listed = [line.partition(":")[::2] for line in lines if re.match(r"[a-z-]+:.*## ", line)]
    phony = next(line for line in lines if line.startswith(".PHONY:")).split()[1:]

    assert sorted([name for name, _ in listed] + ["rival", "bench-emission", "support"]) == sorted(phony)
    for name, rest in listed:
        text = rest.partition("## ")[2]
        assert text.split()[0].rstrip(",") in {*VERBS, "Delete", "Export", "Install", "List", "Verify"}
        assert 18 + len(text) <= 100, name


@pytest.mark.parametrize("package", GROUPS)
def test_nothing_is_imported_under_another_name(package):
    paths = [ROOT / package / "__main__.py", *(ROOT / package / "commands").glob("*.py")]
    trees = [ast.parse(path.read_text()) for path in paths if not path.name.endswith("_test.py")]
    imports = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]

    assert imports
    assert [alias.asname for node in imports for alias in node.names if alias.asname] == []


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

        envelope = json.loads(found.stdout)
        told = envelope["result"]
        assert (found.exit_code, envelope["exit_code"], envelope["error"]) == (0, 0, None)
        assert told["folder"] == str(tmp_path / "out")
        assert len(told["faults"]) == 1
        assert bool(found.stderr) is bool(envelope["notes"]) is not bool(said)
    assert (told["made"], told["kept"]) == ({}, 1)
    assert json.loads(run("conversion", "inspect", artefact, "--json").stdout)


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)])
def test_colours_are_for_terminals_and_for_those_who_want_them(variables, coloured):
    """`color` makes of the test's standard error what a terminal is."""
    assert ("\x1b[" in run("training", "fly", color=True, env={"NO_COLOR": None, **variables}).stderr) is coloured
    assert "\x1b[" not in run("training", "fly", env={"NO_COLOR": None, **variables}).stderr
