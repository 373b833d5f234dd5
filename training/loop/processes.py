"""Distributed training: which process this is, by the recipe, torchrun or SLURM, and its share of each batch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from lightning.pytorch.strategies import DDPStrategy

from training.device import Accelerator, choose_accelerator, this_machine
from training.recipe import Recipe
from training.student.errors import BadInput


@dataclass(frozen=True, slots=True)
class Processes:
    """One process and the number of all."""

    devices: int = 1
    """Processes per machine: one per GPU, or on the CPU."""
    nodes: int = 1
    """Machines; all must see the same folders."""
    rank: int = 0
    """The number of this process among all, from 0."""
    accelerator: Accelerator = "cpu"
    """What all of them train on."""

    @property
    def count(self) -> int:
        """Processes of all machines together."""
        return self.devices * self.nodes

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0

    def share(self, order: list[int], batch: int) -> list[int]:
        """This process's share of `order`; the shares of a step are together the batch of a single process.

        Args:
            order: Of all photos; those that fill no batch of their own are left out, if there are several processes.
            batch: Photos of all processes together a step; a multiple of their count.
        """
        if self.count == 1:
            return order
        whole = np.array(order[: len(order) // batch * batch], np.int64).reshape(-1, self.count, batch // self.count)
        mine: list[int] = whole[:, self.rank].reshape(-1).tolist()
        return mine

    def settings(self) -> dict[str, Any]:
        """As Lightning's trainer takes them."""
        if self.count == 1:
            return {"accelerator": self.accelerator, "devices": 1}
        # Statistics are the same everywhere, since normalisation is synchronised. Frozen encoders have no gradients.
        strategy = DDPStrategy(broadcast_buffers=False, find_unused_parameters=True)
        return {
            "accelerator": self.accelerator,
            "devices": self.devices,
            "num_nodes": self.nodes,
            "strategy": strategy,
            "use_distributed_sampler": False,
        }


ALONE = Processes()


def processes(recipe: Recipe, variables: Mapping[str, str]) -> Processes:
    """Which process this is, of those that the recipe names or that torchrun or srun started.

    Args:
        recipe: Its `devices` and `nodes`, where nothing started several; else they must agree. Its `batch` is
            divided.
        variables: Of the environment.

    Raises:
        BadInput: They do not agree, the batch cannot be divided evenly, or the machine lacks the accelerator that the
            recipe names.
    """
    found = _launched(variables)
    if found is None:
        devices = 1 if recipe.devices == "auto" else recipe.devices
        # Lightning tells the processes that it starts their number in this way.
        number = int(variables.get("LOCAL_RANK", 0)) + devices * int(variables.get("NODE_RANK", 0))
        found = Processes(devices, recipe.nodes, number)
    elif recipe.devices not in ("auto", found.devices) or recipe.nodes not in (1, found.nodes):
        raise BadInput(
            f"devices={recipe.devices} nodes={recipe.nodes}, but {found.devices} processes on each of {found.nodes} "
            "machines were started; leave both options out"
        )
    if recipe.batch % found.count:
        below, above = (recipe.batch // found.count * found.count + extra for extra in (0, found.count))
        raise BadInput(
            f"batch={recipe.batch} cannot be divided among {found.count} processes; use "
            f"{f'{below} or {above}' if below else above}"
        )
    return replace(found, accelerator=choose_accelerator(recipe.accelerator, this_machine(), found.count))


def _launched(variables: Mapping[str, str]) -> Processes | None:
    """By torchrun or srun; None: by neither. A batch script of SLURM that runs alone is no step of srun's."""
    if "TORCHELASTIC_RUN_ID" in variables:
        devices = int(variables["LOCAL_WORLD_SIZE"])
        return Processes(devices, int(variables["WORLD_SIZE"]) // devices, int(variables["RANK"]))
    if "SLURM_STEP_ID" in variables and int(variables.get("SLURM_NTASKS", 1)) > 1:
        nodes = int(variables.get("SLURM_NNODES", 1))
        return Processes(int(variables["SLURM_NTASKS"]) // nodes, nodes, int(variables["SLURM_PROCID"]))
    return None
