import csv
import json
import os
import subprocess
import sys

import pytest
import torch

from training.fit import fit
from training.loop.batches import EpochSampler
from training.loop.processes import ALONE, Processes, processes
from training.recipe import Recipe, read_recipe
from training.run import Run
from training.student.checkpoint import load_checkpoint
from training.student.errors import BadInput

TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}
SRUN = {"SLURM_STEP_ID": "0", "SLURM_NTASKS": "8", "SLURM_NNODES": "2", "SLURM_PROCID": "5", "SLURM_JOB_ID": "77"}


@pytest.mark.parametrize(
    ("options", "variables", "expected"),
    [
        ({}, {}, ALONE),
        ({"devices": 2}, {}, Processes(2, 1, 0)),
        # As Lightning starts the others of a machine, and the user the other machines.
        ({"devices": 2}, {"LOCAL_RANK": "1"}, Processes(2, 1, 1)),
        ({"devices": 2, "nodes": 2}, {"NODE_RANK": "1", "LOCAL_RANK": "1"}, Processes(2, 2, 3)),
        ({}, TORCHRUN, Processes(4, 2, 5)),
        ({"devices": 4, "nodes": 2}, TORCHRUN, Processes(4, 2, 5)),
        ({}, SRUN, Processes(4, 2, 5)),
        # A batch script without srun is one process, whatever it reserved.
        ({}, {key: value for key, value in SRUN.items() if key != "SLURM_STEP_ID"}, ALONE),
    ],
)
def test_each_process_knows_which_it_is(options, variables, expected):
    assert processes(Recipe(**options), variables) == expected


def test_a_recipe_that_contradicts_who_started_it_is_refused():
    with pytest.raises(BadInput, match=r"devices=2 nodes=1, but 4 processes on each of 2 machines were started; leave"):
        processes(Recipe(devices=2), TORCHRUN)


def test_a_batch_that_cannot_be_divided_is_refused_with_those_beside_it():
    with pytest.raises(BadInput, match=r"batch=16 cannot be divided among 3 processes; use 15 or 18"):
        processes(Recipe(devices=3), {})


@pytest.mark.parametrize(("photos", "batch", "count"), [(16, 4, 2), (18, 4, 2), (17, 6, 3), (5, 4, 4)])
def test_the_shares_of_a_step_are_together_the_batch_of_one_process(photos, batch, count):
    alone = EpochSampler(photos, seed=3)
    shared = [EpochSampler(photos, 3, batch, Processes(count, 1, rank)) for rank in range(count)]
    for epoch in (0, 1):
        for tickets in (alone, *shared):
            tickets.set_epoch(epoch)
        whole, shares, each = list(alone), [list(tickets) for tickets in shared], batch // count

        assert {len(tickets) for tickets in shared} == {len(share) for share in shares} == {photos // batch * each}
        for step in range(photos // batch):
            together = [ticket for share in shares for ticket in share[step * each : (step + 1) * each]]
            assert together == whole[step * batch : (step + 1) * batch]


def rows(run):
    lines = csv.DictReader(run.metrics.read_text().splitlines())
    return [{key: float(value) for key, value in line.items()} for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize(
    "starter", [[], ["-m", "torch.distributed.run", "--nproc-per-node=2", "-m", "--"]], ids=["ours", "torchrun"]
)
def test_two_processes_learn_what_one_does(discs, tiny, tmp_path, starter):
    """Their sums are added in another order, and no more: float32's rounding, grown over the steps of Adam."""
    overrides = [*tiny, "epochs=2", "ema_decay=0.5", "learning_rate=0.001", "turn=any"]
    alone, together = Run(tmp_path / "alone"), Run(tmp_path / "together")
    fit(read_recipe("mobile", overrides), data=discs, run=alone)

    command = [
        *(starter or ["-m"]),
        "training",
        "fit",
        "mobile",
        "--data",
        str(discs.folder),
        "--run",
        str(together.folder),
    ]
    result = subprocess.run(
        [sys.executable, *command, *overrides, *([] if starter else ["devices=2"])],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )

    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in together.folder.iterdir()) == sorted(
        path.name for path in alone.folder.iterdir()
    )
    assert rows(together) == [pytest.approx(row, rel=1e-3) for row in rows(alone)]
    one, other = (load_checkpoint(run.last).student.state_dict() for run in (alone, together))
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=1e-2, atol=1e-3)


@pytest.mark.slow
def test_two_processes_keep_to_one_plan(discs, tiny, tmp_path):
    run = Run(tmp_path / "run")
    overrides = [*(one for one in tiny if not one.startswith("epochs=")), "minutes=0.5", "patience=999"]
    command = [sys.executable, "-m", "training", "fit", "mobile", "--data", str(discs.folder), "--run", str(run.folder)]

    result = subprocess.run(
        [*command, *overrides, "devices=2"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )

    assert result.returncode == 0, result.stderr
    plan = json.loads(run.record.read_text())["plan"]
    assert len(plan["scales"]) == plan["epochs"]
    assert len(rows(run)) == plan["epochs"]
