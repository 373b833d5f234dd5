"""Sharding: which photos a process labels; from the command line, torchrun or SLURM."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.student.errors import BadInput
from training.teacher.sources import Source


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several shares."""

    index: int
    """From 0."""
    count: int

    def __str__(self) -> str:
        return f"{self.index + 1}/{self.count}"

    def of(self, photos: Sequence[Source]) -> list[Source]:
        """The photos of this share, by a digest of the file name, so that a new photo moves no other."""
        return [photo for photo in photos if _digest(photo.file) % self.count == self.index]


WHOLE = Shard(0, 1)


def parse_shard(given: str) -> Shard:
    """Parse a shard, counted from 1: `1/4` to `4/4`.

    Raises:
        BadInput: It has another form.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", given)
    index, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= index <= count:
        raise BadInput(f"shard '{given}' is not of the form i/n with i from 1 to n, such as 1/4 or 4/4")
    return Shard(index - 1, count)


def from_environment(variables: Mapping[str, str]) -> Shard:
    """The shard of this process among those started by torchrun, srun or a SLURM array; otherwise the whole.

    If each job of an array starts several processes, the photos are divided among all of them.

    Raises:
        BadInput: The variables contradict each other, for example because the array's numbers have gaps.
    """
    array, task = _of_array(variables), _of_task(variables)
    return Shard(array.index * task.count + task.index, array.count * task.count)


def _of_array(variables: Mapping[str, str]) -> Shard:
    if "SLURM_ARRAY_TASK_ID" not in variables:
        return WHOLE
    number = _number(variables, "SLURM_ARRAY_TASK_ID")
    least = _number(variables, "SLURM_ARRAY_TASK_MIN", 0)
    step = _number(variables, "SLURM_ARRAY_TASK_STEP", 1)
    index, rest = divmod(number - least, max(step, 1))
    count = _number(variables, "SLURM_ARRAY_TASK_COUNT")
    if rest or not 0 <= index < count:
        raise BadInput(
            f"SLURM_ARRAY_TASK_ID {number} is none of {count} from {least} in steps of {step}; "
            "number the array without gaps, as --array=0-7, or say --shard i/n"
        )
    return Shard(index, count)


def _of_task(variables: Mapping[str, str]) -> Shard:
    if "RANK" in variables and "WORLD_SIZE" in variables:
        rank, size = "RANK", "WORLD_SIZE"
    # A batch script alone also has SLURM_PROCID 0 and SLURM_NTASKS; only srun sets SLURM_STEP_ID.
    elif "SLURM_STEP_ID" in variables and "SLURM_PROCID" in variables:
        rank, size = "SLURM_PROCID", "SLURM_STEP_NUM_TASKS" if "SLURM_STEP_NUM_TASKS" in variables else "SLURM_NTASKS"
    else:
        return WHOLE
    index, count = _number(variables, rank), _number(variables, size)
    if not 0 <= index < count:
        raise BadInput(f"{rank} {index} is not below {size} {count}; say --shard i/n")
    return Shard(index, count)


def _number(variables: Mapping[str, str], name: str, default: int | None = None) -> int:
    value = variables.get(name, default)
    try:
        return int(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise BadInput(f"{name} is {value!r} in the environment, expected a number; say --shard i/n") from None


def _digest(file: str) -> int:
    return int.from_bytes(hashlib.sha256(file.encode()).digest()[:8], "big")
