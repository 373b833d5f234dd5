"""A few of the moments of kill_commands.py, which says what is held; with `--times 20` it is the proof."""

import subprocess
import sys
from pathlib import Path

import pytest

from conversion.export.budget_search import search
from conversion.export.export import export
from conversion.gate.parity import verify
from training.data.coins import write_pairs
from training.run import Run
from training.student.errors import BadInput

SCRIPT = Path(__file__).with_name("kill_commands.py")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="which processes are left is read from /proc")
def test_a_command_that_is_stopped_leaves_nothing_and_goes_on():
    commands = ["render", "label", "apply, photos", "fit, workers"]
    found = subprocess.run(
        [sys.executable, SCRIPT, *commands, "--times", "1"], capture_output=True, text=True, check=False
    )

    assert found.returncode == 0, found.stderr[-3000:]
    rows = found.stdout.splitlines()[2:]
    assert [row.count("1 of 1") for row in rows] == [3] * len(commands), found.stdout


WORK = {
    "export": lambda run: export(run.checkpoint, run.export),
    "search": lambda run: search(run, (), {}, [], None),
    "verify": lambda run: verify(run.checkpoint, run.export, [], run.parity),
    "render": lambda run: write_pairs(run.export, count=1),
}


@pytest.mark.parametrize("work", WORK)
def test_the_second_of_two_processes_is_refused_before_it_works(work, tmp_path, claimed_elsewhere):
    """There is no run to work on, which would be told first."""
    run = Run(tmp_path / "run")
    first = claimed_elsewhere(*((run.folder, "export") if work == "render" else (run.export,)))

    with pytest.raises(BadInput, match=rf"run/export is in use by process {first.pid}"):
        WORK[work](run)
