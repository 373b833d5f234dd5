"""Where torch computes, and in which number formats: the one place that decides it for all commands.

Training and teachers take the accelerator that the machine has. Judging runs in float32 on the processor everywhere:
the figures are those of the files that a phone runs, and two machines must agree on them.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from training.student.errors import BadInput

Accelerator = Literal["cuda", "mps", "cpu"]
Format = Literal["fp32", "bf16", "fp16"]

NAMES: Mapping[Accelerator, str] = MappingProxyType(
    {"cuda": "a CUDA GPU", "mps": "an Apple GPU (MPS)", "cpu": "the processor"}
)

TORCH_VARIABLES: Mapping[str, str] = MappingProxyType({"PYTORCH_ENABLE_MPS_FALLBACK": "1", "GOMP_SPINCOUNT": "10000"})
"""Environment variables that torch reads while it is imported; what the user has set holds.

What MPS lacks then runs on the processor. Threads of OpenMP that wait for one another spin briefly and then sleep: by
default they spin for long, and where another program has taken a core, each until that program's time is over. Tens of
microseconds of spinning cost an idle machine nothing (docs/experiments.md, "Threads that sleep").
"""

_FALLBACK = re.compile(r"The operator '(?P<name>[^']+)' is not currently supported on the MPS backend")


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine offers to torch."""

    accelerator: Accelerator = "cpu"
    """The best that there is."""
    count: int = 0
    """GPUs that this process sees."""
    has_bfloat16: bool = False
    """Whether the GPU computes in bfloat16 itself. Of a processor that says little: all do, few fast."""


def this_machine() -> Machine:
    """What torch sees here. Accelerators that Lightning does not know, such as XPU, count as none."""
    import torch

    if torch.cuda.is_available():
        return Machine("cuda", torch.cuda.device_count(), torch.cuda.is_bf16_supported(including_emulation=False))
    if torch.backends.mps.is_available():
        return Machine("mps", 1, torch.backends.mps.is_macos_or_newer(14, 0))
    return Machine()


def choose_accelerator(wanted: Literal["auto"] | Accelerator, machine: Machine, processes: int = 1) -> Accelerator:
    """Where to train.

    Args:
        wanted: By the recipe; `auto` takes the best.
        machine: What there is.
        processes: How many train together; Apple's GPU serves one.

    Raises:
        BadInput: The machine lacks what is wanted, or it cannot serve so many processes.
    """
    chosen = machine.accelerator if wanted == "auto" else wanted
    if chosen not in (machine.accelerator, "cpu"):
        raise BadInput(
            f"accelerator={wanted} needs {NAMES[chosen]}, and there is none here; use accelerator=auto, which takes "
            f"{NAMES[machine.accelerator]}"
        )
    if chosen == "mps" and processes > 1:
        if wanted == "auto":
            return "cpu"
        raise BadInput("an Apple GPU serves one process; use devices=1, or accelerator=cpu")
    return chosen


def formats(accelerator: Accelerator, machine: Machine) -> tuple[Format, ...]:
    """The number formats that can be fastest there. Where there are several, a training step of each is timed.

    CUDA GPUs with bfloat16 are always faster in it; those without have fp16. On Apple GPUs and processors it depends.
    """
    if accelerator == "cuda":
        return ("bf16",) if machine.has_bfloat16 else ("fp16",)
    if accelerator == "mps":
        return ("fp32", "bf16") if machine.has_bfloat16 else ("fp32",)
    return ("fp32", "bf16")


def teacher_device(wanted: str, machine: Machine, variables: Mapping[str, str]) -> str:
    """The torch device of a teacher, such as `cuda:1`.

    Args:
        wanted: From the command line; anything but `auto` is returned unchanged.
        machine: What there is.
        variables: The environment variables: of several processes that torchrun or srun starts on a machine, each
            takes the GPU with its number.

    Raises:
        BadInput: The process's number is none.
    """
    if wanted != "auto" or machine.accelerator != "cuda":
        return machine.accelerator if wanted == "auto" else wanted
    name = "LOCAL_RANK" if "LOCAL_RANK" in variables else "SLURM_LOCALID"
    number = variables.get(name, "0")
    if not number.isdecimal():
        raise BadInput(f"{name} is {number!r} in the environment, expected a number")
    return f"cuda:{int(number) % machine.count}"


def synchronise(device: Any) -> None:
    """Wait until a torch device has done what it was given, so that the time it took can be read."""
    import torch

    if device.type != "cpu":
        torch.accelerator.synchronize(device)


@contextmanager
def named_fallbacks(tell: Callable[[str], None]) -> Iterator[None]:
    """Tell once of each operator that MPS lacks, in place of torch's warning of several lines."""
    told: set[str] = set()
    with warnings.catch_warnings():
        warnings.filterwarnings("always", message=_FALLBACK.pattern)
        show = warnings.showwarning

        def name_it(message: Warning | str, *where: Any, **more: Any) -> None:
            if not (found := _FALLBACK.match(str(message))):
                show(message, *where, **more)
            elif found["name"] not in told:
                told.add(found["name"])
                tell(f"MPS lacks {found['name']}, which runs on the processor instead")

        warnings.showwarning = name_it
        yield
