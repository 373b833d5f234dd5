"""What is given to make reaches a program as one argument, and never a shell."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from training.run import Run

ROOT = Path(__file__).resolve().parents[1]

GOALS = (
    *("mobile", "teach-mobile", "teach-coins", "tune", "export-coreml", "export-tflite", "report", "demo", "bench"),
    *("apps", "mediapipe", "baseline", "transfer", "designs", "bench-training", "rival"),
)
"""Every target that takes something."""

TAKEN = ("DATA", "PEER", "PHOTOS", "PHRASE", "RECIPE", "RUN", "SETTINGS", "epochs", "not-an-option")
"""What they take, options of the recipe included."""

HOSTILE = (
    *("my photos", " two  blanks ", "tab\there", "it's", 'a "b" c', "'; touch pwned #", '"; touch pwned #', "-rf", "~"),
    *("cats&dogs", "x;touch${IFS}pwned", "x|touch pwned", "x > pwned", "`touch pwned`", "$(touch pwned)", "$((1))"),
    *("$(shell touch pwned)", "${shell touch pwned}", "$(eval all: ; touch pwned)", "$HOME $$ $", "$$(touch pwned)"),
    *(
        "a\ntouch pwned\n'",
        "back\\slash\\",
        "* [a-z] {a,b} ?",
        "a,b) (c",
        "100% %20 %o",
        "a=b := c",
        "# not a note",
        "é—日",
    ),
)

STUB = """#!/bin/sh
printf '%s\\0' $# "$@" >> calls
"""
"""Stands for Python: notes what it is called with."""


@pytest.fixture
def folder(tmp_path):
    """A checkout in which everything is set up."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    tmp_path.joinpath("pyproject.toml").touch()
    for environment in (".venv", ".venv-mediapipe"):
        tmp_path.joinpath(environment, "bin").mkdir(parents=True)
        for stamp in ("ready", "ready-all", "ready-teachers", "bin/uv"):
            tmp_path.joinpath(environment, stamp).touch()
    stub = tmp_path / ".venv" / "bin" / "python"
    stub.write_text(STUB)
    stub.chmod(0o755)
    return tmp_path


def _make(folder, *words, **environment):
    """What make says, and what it has called."""
    calls = folder / "calls"
    calls.unlink(missing_ok=True)
    inherited = {name: value for name, value in os.environ.items() if name not in TAKEN and "MAKE" not in name}
    done = subprocess.run(
        ["make", *words], cwd=folder, env=inherited | environment, capture_output=True, text=True, check=False
    )
    noted = calls.read_bytes().decode().split("\0")[:-1] if calls.exists() else []
    called = []
    while noted:
        count = int(noted[0])
        called.append(noted[1 : 1 + count])
        noted = noted[1 + count :]
    return done, called


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_what_is_given_on_the_command_line_arrives_as_it_is(folder, value):
    _, expected = _make(folder, *GOALS, *(f"{name}=<{name}>" for name in TAKEN))
    done, called = _make(folder, *GOALS, *(f"{name}=<{value}>" for name in TAKEN))

    assert done.returncode == 0, done.stderr
    assert called == [[_replaced(word, value) for word in words] for words in expected]
    assert not [path for path in folder.iterdir() if "pwned" in path.name]


def _replaced(word, value):
    for name in TAKEN:
        word = word.replace(f"<{name}>", f"<{value}>")
    return word


@pytest.mark.parametrize("name", ["data", "decoded", "q", "recipe", "run", "space", "teacher"])
def test_an_option_does_not_replace_what_the_makefile_itself_calls_so(folder, name):
    done, called = _make(folder, "train-mobile", "teach-mobile", "PHOTOS=a b", "DATA=c d", f"{name}=; touch pwned;")

    assert done.returncode == 0, done.stderr
    assert [sum(word.startswith(f"{name}=") for word in words) for words in called] == [1, 1, 1]
    assert called[1][-4:] == ["--data", "c d", "--run", "runs/mobile-c d"]
    assert not folder.joinpath("pwned").exists()


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_what_is_given_in_the_environment_arrives_as_it_is(folder, value):
    done, called = _make(folder, "mobile", "teach-mobile", DATA=value, PHRASE=value, PHOTOS=value)

    assert done.returncode == 0, done.stderr
    run = ["--run", f"runs/mobile-{value}"]
    assert called == [
        ["-m", "conversion", "rehearse", "mobile"],
        ["-m", "training", "fit", "mobile", "--data", value, *run],
        ["-m", "conversion", "export", run[1]],
        ["-m", "conversion", "verify", run[1]],
        [
            *("-m", "training", "teach", "mobile", value, "--phrase", value),
            *("--settings", "training/teacher/settings/coins.yaml", "--data", value),
        ],
    ]
    assert not [path for path in folder.iterdir() if "pwned" in path.name]


def test_the_check_sees_what_a_shell_would_do(folder):
    makefile = folder / "Makefile"
    makefile.write_text(makefile.read_text().replace("'$(subst $(newline)", "$(or $1)#'$(subst $(newline)"))

    _make(folder, "export", "RUN=x;touch${IFS}pwned")

    assert folder.joinpath("pwned").exists()


@pytest.mark.parametrize("recipe", ["", "person", "my recipes/a b.yaml", "$(shell touch pwned).v2.yaml"])
@pytest.mark.parametrize("data", ["rings", "a/rings/", "/my photos/it's//", "a\nb/c\nd", "x/50% %20/", "a.b/c.d"])
def test_the_run_is_named_as_the_program_names_it(folder, recipe, data):
    _, called = _make(folder, "train-mobile", "export", f"DATA={data}", f"RECIPE={recipe}")

    run = str(Run.default_folder(recipe or "mobile", Path(data)))
    assert called[1][-1] == run
    assert called[2][-1] == run


def test_without_data_the_run_bears_the_name_of_the_recipe(folder):
    assert _make(folder, "export")[1] == [["-m", "conversion", "export", "runs/mobile"]]
    assert _make(folder, "export", "RECIPE=person")[1] == [["-m", "conversion", "export", "runs/person"]]
    assert _make(folder, "export", "RUN=mine", "DATA=x")[1] == [["-m", "conversion", "export", "mine"]]


def test_apps_takes_the_newest_run_where_none_is_named(folder):
    assert _make(folder, "apps")[1] == [["-m", "conversion", "apps"]]
    assert _make(folder, "apps", "DATA=a b")[1] == [["-m", "conversion", "apps", "runs/mobile-a b"]]
    assert _make(folder, "apps", RUN="c d")[1] == [["-m", "conversion", "apps", "c d"]]


def test_the_next_command_that_is_shown_can_be_copied(folder):
    done, _ = _make(folder, "parity", "DATA=it's mine")

    shown = done.stdout.splitlines()[-1].removeprefix("into the apps: ")
    assert shlex.split(shown) == ["make", "apps", "RUN=runs/mobile-it's mine"]


@pytest.mark.parametrize("goal", ["baseline", "bench-training", "designs", "rival", "transfer", "tune"])
def test_a_target_without_its_data_says_so_before_anything_is_set_up(folder, goal):
    folder.joinpath(".venv", "ready").unlink()

    done, called = _make(folder, goal)

    assert done.returncode == 2
    assert called == []
    assert done.stderr.splitlines()[-1].endswith(f"*** make {goal} needs DATA: add DATA=folder.  Stop.")


@pytest.mark.parametrize("goal", ["teach-coins", "teach-mobile"])
def test_a_target_without_its_photos_says_so(folder, goal):
    done, called = _make(folder, goal)

    assert (done.returncode, called) == (2, [])
    assert f"make {goal} needs PHOTOS: add PHOTOS=folder" in done.stderr


@pytest.mark.parametrize(("old", "new"), [("rival", "baseline"), ("bench-emission", "bench-emitters")])
def test_an_old_target_runs_the_new_one_and_says_so(folder, old, new):
    done, called = _make(folder, old, "DATA=a b")

    assert called == _make(folder, new, "DATA=a b")[1]
    assert f"now called make {new}" in done.stderr


def test_python_may_lie_in_a_folder_with_blanks(folder):
    python = folder / "my $(touch pwned) python"
    shutil.copy(folder / ".venv" / "bin" / "python", python)
    for stamp in ("ready", "bin/uv"):
        folder.joinpath(".venv", stamp).unlink()

    done, called = _make(folder, "export", f"PYTHON=./{python.name}")

    assert done.returncode == 0, done.stderr
    assert called[0] == ["-m", "venv", ".venv"]
    assert not folder.joinpath("pwned").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["minutes=10"]),
        (["batch=8"], ["batch=8", "minutes=10"]),
        (["minutes=5"], ["minutes=5"]),
        (["epochs=3"], ["epochs=3"]),
        (["scales=[1]"], ["scales=[1]"]),
        (["DATA=rings"], []),
        (["RECIPE=mobile"], ["minutes=10"]),
        (["RECIPE=smoke"], []),
        (["RECIPE=my mobile"], []),
    ],
)
def test_coins_are_learnt_in_ten_minutes_unless_somebody_says_otherwise(folder, words, expected):
    _, called = _make(folder, "train-mobile", *words)

    assert [word for word in called[1] if "=" in word] == expected
