from pathlib import Path

import pytest

from training.student.errors import BadInput
from training.teacher.shard import WHOLE, Shard, from_environment, parse_shard
from training.teacher.sources import Source

PHOTOS = [Source(Path(f"{number}.jpg"), f"{number}.jpg", str(number)) for number in range(200)]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_shares_are_apart_and_together_the_whole(count):
    shares = [Shard(index, count).of(PHOTOS) for index in range(count)]

    assert sorted(photo.file for share in shares for photo in share) == sorted(photo.file for photo in PHOTOS)
    assert min(map(len, shares)) > len(PHOTOS) / count / 2


def test_a_new_photo_moves_no_other_to_another_share():
    assert set(Shard(1, 3).of(PHOTOS[:100])) <= set(Shard(1, 3).of(PHOTOS))


def test_the_command_line_counts_from_one():
    assert parse_shard("1/4") == Shard(0, 4)
    assert str(parse_shard("4/4")) == "4/4"


@pytest.mark.parametrize("given", ["0/4", "5/4", "1", "1/0", "-1/4", "a/b", ""])
def test_what_is_no_share_is_refused(given):
    with pytest.raises(BadInput, match=f"shard '{given}' is not of the form i/n with i from 1 to n"):
        parse_shard(given)


ARRAY = {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "4"}
STEP = {"SLURM_STEP_ID": "0", "SLURM_PROCID": "1", "SLURM_NTASKS": "3"}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, WHOLE),
        ({"RANK": "2", "WORLD_SIZE": "4"}, Shard(2, 4)),
        (STEP, Shard(1, 3)),
        (STEP | {"SLURM_STEP_NUM_TASKS": "2"}, Shard(1, 2)),
        (STEP | {"RANK": "5", "WORLD_SIZE": "12"}, Shard(5, 12)),
        (ARRAY | {"SLURM_ARRAY_TASK_STEP": "2"}, Shard(3, 4)),
        (ARRAY | {"SLURM_ARRAY_TASK_MIN": "4"}, Shard(3, 4)),
        (ARRAY | STEP | {"SLURM_ARRAY_TASK_MIN": "5"}, Shard(7, 12)),
    ],
)
def test_a_process_takes_the_share_of_what_started_it(variables, expected):
    assert from_environment(variables) == expected


def test_a_batch_script_is_no_task_though_it_has_a_number():
    assert from_environment({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}) == WHOLE


def test_every_process_of_an_array_of_steps_has_another_share():
    found = {
        from_environment(
            {"SLURM_ARRAY_TASK_ID": str(job), "SLURM_ARRAY_TASK_MIN": "10", "SLURM_ARRAY_TASK_COUNT": "3"}
            | {"SLURM_STEP_ID": "0", "SLURM_PROCID": str(task), "SLURM_NTASKS": "2"}
        )
        for job in (10, 11, 12)
        for task in (0, 1)
    }

    assert found == {Shard(index, 6) for index in range(6)}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (ARRAY, "SLURM_ARRAY_TASK_ID 7 is none of 4 from 1 in steps of 1; number the array without gaps"),
        (ARRAY | {"SLURM_ARRAY_TASK_STEP": "4"}, "say --shard i/n"),
        ({"SLURM_ARRAY_TASK_ID": "7"}, "SLURM_ARRAY_TASK_COUNT is None in the environment, expected a number"),
        ({"RANK": "x", "WORLD_SIZE": "4"}, "RANK is 'x' in the environment"),
        ({"RANK": "4", "WORLD_SIZE": "4"}, "RANK 4 is not below WORLD_SIZE 4"),
    ],
)
def test_variables_that_contradict_each_other_are_refused(variables, message):
    with pytest.raises(BadInput, match=message):
        from_environment(variables)
