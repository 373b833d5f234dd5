import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from training.__main__ import main
from training.command import Commands, pairs_of
from training.run import Run
from training.student.errors import BadInput, ParityBreached

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ("fit", "render", "evaluate", "compare", "bench")


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Calls `python -m training` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("arguments", [(), *((name,) for name in COMMANDS)], ids=["main", *COMMANDS])
def test_help_fits_one_screen(call, arguments):
    found = call(*arguments, "--help")

    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert found.stdout == call(*arguments, "-h").stdout


def test_help_names_every_command(call):
    assert all(f"\n  {name} " in call("--help").stdout for name in COMMANDS)


def refused(found, message):
    """Whether a command ended as bad input does: its code, one line, nothing on standard output."""
    assert found.exit_code == 2
    assert found.stdout == ""
    assert found.stderr.startswith("error: ")
    assert found.stderr.count("\n") == 1
    assert message in found.stderr
    return True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fit", "mobil"), "no recipe 'mobil'; expected one of coins, mobile"),
        (("fit", "mobile", "--data", "gone"), "gone does not exist; a folder of pairs holds photos/NAME.jpg"),
        (("fit", "mobile", "--data", "a_file"), "a_file is not a folder"),
        (("fit", "mobile", "epoch=3"), "unknown recipe key 'epoch' in"),
        (("fit", "mobile", "epochs"), "override 'epochs' is not of the form key=value"),
        (("fit", "mobile", "epochs=many"), "epochs='many': Input should be a valid integer"),
        (("evaluate", "gone", "--data", "discs"), "no checkpoint at gone/student.safetensors; train one with"),
        (("evaluate", "a_file", "--data", "discs"), "no checkpoint at a_file/student.safetensors"),
        (("compare", "mobile", "--data", "gone"), "gone does not exist"),
        (("compare", "mobile", "stride=3", "--data", "discs"), "stride 3 is unknown; expected one of 1, 2, 4"),
        (("bench", "mobile", "batch=1", "--data", "discs"), "batch=1: Input should be greater than or equal to 2"),
        (("render", "discs"), "discs is not empty"),
        (("render", "a_file"), "cannot render into a_file"),
    ],
)
def test_bad_input_is_told_in_one_line_and_nothing_is_written(call, tmp_path, draw_discs, arguments, message):
    draw_discs(tmp_path / "discs", count=2)
    (tmp_path / "a_file").touch()
    before = sorted(tmp_path.rglob("*"))

    assert refused(call(*arguments), message)

    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("fit",),
        ("evaluate", "run"),
        ("render", "x", "--count", "0"),
        ("render", "x", "y"),
    ],
)
def test_a_wrong_call_is_2_as_well(call, arguments):
    assert call(*arguments).exit_code == 2


def test_a_run_is_made_and_found_finished_and_judged(call, discs, tiny, tmp_path):
    arguments = ("fit", "mobile", *tiny, "epochs=1", "--data", discs.folder)

    first, second = call(*arguments), call(*arguments)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.splitlines()[-1] == second.stdout.splitlines()[-1]
    assert second.stdout.startswith("runs/mobile-discs/student.safetensors: validation IoU 0.")
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]

    judged = call("evaluate", "runs/mobile-discs", "--data", discs.folder, "--worst", 2)

    assert judged.exit_code == 0
    *worst, mean = judged.stdout.splitlines()
    assert len(worst) == 2
    assert mean.startswith("mean IoU 0.")
    assert mean.endswith(f"over 12 photos of {discs.folder}")


@pytest.mark.parametrize(
    ("before", "message"),
    [("run.json", "run.json is damaged"), ("thesis.tex", "exists and is no run of ours; choose another folder")],
)
def test_a_folder_that_holds_something_else_is_left_as_it_was(call, discs, tiny, tmp_path, before, message):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / before).write_text("mine")

    assert refused(call("fit", "mobile", *tiny, "--data", discs.folder, "--run", "run"), message)

    assert [(path.name, path.read_text()) for path in (tmp_path / "run").iterdir()] == [(before, "mine")]


def test_ctrl_c_says_how_to_go_on(call, discs, tiny, tmp_path):
    run, ended = Run(tmp_path / "run"), threading.Event()

    def interrupt_after_an_epoch():
        while not ended.wait(0.2):
            if run.state.exists():
                os.kill(os.getpid(), signal.SIGINT)
                ended.wait(5)

    watch = threading.Thread(target=interrupt_after_an_epoch)
    watch.start()
    try:
        found = call("fit", "mobile", *tiny, "epochs=500", "patience=500", "--data", discs.folder, "--run", run.folder)
    finally:
        ended.set()
        watch.join()

    assert found.exit_code == 130
    assert found.stderr.endswith("interrupted; the same command goes on from the last whole step\n")
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "curves.png",
        "metrics.csv",
        "run.json",
        "state.safetensors",
        "student.json",
        "student.safetensors",
    ]


def test_photos_that_are_left_out_are_counted_aloud(draw_discs, tmp_path, capsys):
    folder = draw_discs(tmp_path / "discs", count=3)
    pairs_of(folder)
    assert capsys.readouterr().err == ""

    (folder / "dropped.txt").write_text("disc_01  # blurred\n")

    assert len(pairs_of(folder).pairs) == 2
    assert capsys.readouterr().err == f"{folder}: dropped.txt leaves out 1 of 3 photos\n"


@pytest.mark.parametrize(("error", "code"), [(BadInput, 2), (ParityBreached, 4)])
def test_an_error_ends_with_its_own_code(error, code):
    @click.group(cls=Commands)
    def group():
        pass

    @group.command()
    def fail():
        raise error("found 3, expected 4")

    found = CliRunner().invoke(group, ["fail"])

    assert (found.exit_code, found.stderr) == (code, "error: found 3, expected 4\n")


def test_a_bug_keeps_its_traceback():
    @click.group(cls=Commands)
    def group():
        pass

    @group.command()
    def fail():
        raise ZeroDivisionError

    assert isinstance(CliRunner().invoke(group, ["fail"]).exception, ZeroDivisionError)


def test_the_shell_sees_the_code_and_one_line():
    found = subprocess.run(
        [sys.executable, "-m", "training", "render", "training"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr.startswith("error: training is not empty")
    assert found.stderr.count("\n") == 1
