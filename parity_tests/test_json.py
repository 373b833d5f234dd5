"""What `--json` prints is what docs/json.md says, for every command that takes it."""

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from conversion.__main__ import main as conversion
from training.__main__ import main as training

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
ENVELOPE = re.findall(r"^\| `(\w+)` \| [^`]", PAGE.partition("## Results")[0], re.M)
RESULTS = {
    command: set(re.findall(r"`(\w+)`", keys))
    for command, keys in re.findall(r"^\| `([\w -]+)` \| (.*?) \|", PAGE.partition("## Results")[2], re.M)
}


def call(group, *arguments):
    """The envelope that a command prints."""
    done = CliRunner().invoke(group, [*map(str, arguments), "--json"])
    found = json.loads(done.stdout)
    assert list(found) == ENVELOPE
    assert (found["schema"], found["command"], found["exit_code"]) == (1, arguments[0], done.exit_code)
    assert (found["error"] is None) == (done.exit_code == 0)
    assert found["error"] is None or found["error"] in done.stderr
    return found


def test_the_page_lists_every_command_that_takes_it():
    takers = {
        name
        for group in (training, conversion)
        for name, command in group.commands.items()
        if any("--json" in option.opts for option in command.params)
    }

    assert {command.partition(" ")[0] for command in RESULTS} == takers
    assert PAGE.partition("take `--json`")[0].count("`") // 2 == len(takers) + 1


@pytest.fixture(scope="module")
def run(verified, tmp_path_factory):
    """A copy of the trained run, since some commands write into it."""
    return shutil.copytree(verified.run.folder, tmp_path_factory.mktemp("runs") / "run")


def test_every_result_has_the_keys_of_the_page(verified, run, tmp_path):
    pairs = verified.pairs[0].photo.parents[1]
    student = run / "export" / "student-fp16.tflite"
    found = {
        "doctor": call(conversion, "doctor"),
        "inspect": call(conversion, "inspect", student),
        "export": call(conversion, "export", run, "--to", "tflite"),
        "verify": call(conversion, "verify", run, "--photos", 4, "--to", "tflite"),
        "bench": call(conversion, "bench", run, "--repetitions", 1),
        "apply": call(conversion, "apply", student, pairs / "photos", "--out", tmp_path / "applied"),
        "evaluate": call(training, "evaluate", run),
        "profile": call(training, "profile", pairs, "--out", tmp_path / "profile.html"),
        "compare": call(training, "compare", run, run, "--out", tmp_path / "compared"),
    }

    assert {name: set(each["result"] or ()) for name, each in found.items()} == {
        name: keys for name, keys in RESULTS.items() if " " not in name
    }


def test_an_error_is_in_the_envelope(tmp_path):
    missing = tmp_path / "none"
    for group, arguments in (
        (conversion, ("inspect", missing)),
        (conversion, ("inspect", missing, "--no-such-option")),
        (training, ("evaluate", missing)),
    ):
        found = call(group, *arguments)
        assert found["exit_code"] == 2
        assert found["result"] is None
