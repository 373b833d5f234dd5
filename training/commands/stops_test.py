import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from training.commands.group import CommandGroup

COMMAND = """
import os, sys, tempfile, time
import click
from pathlib import Path
from training.commands.group import CommandGroup
from training.student.atomic_write import atomic_path

@click.group(cls=CommandGroup)
def main():
    pass

@main.command()
@click.argument("mode")
def work(mode):
    tempfile.mkdtemp()
    with atomic_path(Path("result")) as temporary:
        temporary.write_text("half")
        print("at work", flush=True)
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            if mode == "swallow":
                return
            if mode == "exit":
                sys.exit(1)
            if mode == "twice":
                time.sleep(0.2)
            raise

main()
"""


@pytest.fixture
def start(tmp_path):
    """Starts a command that writes in the current folder and takes its time."""

    def run(mode, **options):
        (tmp_path / "tmp").mkdir()
        environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": str(Path.cwd())}
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "work", mode],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # What a shell starts in the background ignores Ctrl-C, and so would these tests.
            **{"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **options},
        )
        assert process.stdout.readline() == b"at work\n"
        return process

    return run


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [("TERM", 143, "stopped by SIGTERM"), ("INT", 130, "interrupted"), ("HUP", 129, "stopped by SIGHUP")],
)
def test_a_stop_has_its_code_and_says_how_to_go_on_and_cleans_up(start, tmp_path, number, code, said):
    process = start("unwind")

    process.send_signal(signal.Signals[f"SIG{number}"])
    _, error = process.communicate(timeout=20)

    assert process.returncode == code
    assert error.decode() == f"{said}; the same command goes on from the last whole step\n"
    assert [path.name for path in tmp_path.iterdir()] == ["tmp"]
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("mode", ["swallow", "exit"])
def test_sigterm_is_no_success_even_where_a_library_takes_it_for_its_own_end(start, mode):
    process = start(mode)

    process.terminate()
    process.communicate(timeout=20)

    assert process.returncode == 143


def test_the_same_stop_sent_twice_does_not_disturb_the_cleaning_up(start, tmp_path):
    process = start("twice")

    process.terminate()
    time.sleep(0.1)
    process.terminate()
    process.communicate(timeout=20)

    assert process.returncode == 143
    assert [path.name for path in tmp_path.iterdir()] == ["tmp"]


def test_what_sigkill_leaves_goes_with_the_next_command(start, tmp_path):
    process = start("unwind")
    process.kill()
    process.communicate()
    assert list((tmp_path / "tmp").iterdir())

    subprocess.run(
        [sys.executable, "-m", "training", "render", "-q", tmp_path / "coins", "--count", "1"],
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        check=True,
    )

    assert sorted(path.name for path in tmp_path.iterdir()) == ["coins", "tmp"]
    assert not list((tmp_path / "tmp").iterdir())


def test_nohup_is_respected(start):
    process = start("unwind", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))

    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)

    assert process.poll() is None
    process.kill()
    process.communicate()


@pytest.fixture
def group():
    @click.group(cls=CommandGroup)
    def main():
        pass

    return main


def test_the_place_of_temporary_files_is_as_before_when_a_command_has_ended(group):
    before, seen = tempfile.gettempdir(), []

    @group.command()
    def work():
        seen.append(Path(tempfile.mkdtemp()))

    assert CliRunner().invoke(group, ["work"]).exit_code == 0

    assert tempfile.gettempdir() == before
    assert not seen[0].parent.exists()
    assert seen[0].parent.parent == Path(before)


def test_a_command_also_runs_beside_the_main_thread(group):
    @group.command()
    def work():
        pass

    codes = []
    thread = threading.Thread(target=lambda: codes.append(CliRunner().invoke(group, ["work"]).exit_code))
    thread.start()
    thread.join()

    assert codes == [0]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device", "photo.png"), "no space left to write photo.png"),
        (MemoryError("array of 9 GB"), "not enough memory (array of 9 GB)"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "not enough memory"),
    ],
)
def test_what_is_exhausted_is_one_line_wherever_it_is_met(group, error, said):
    @group.command()
    def work():
        raise error

    found = CliRunner().invoke(group, ["work"])

    assert found.exit_code == 2
    assert found.stderr.startswith(f"error: {said}")
    assert found.stderr.count("\n") == 1
