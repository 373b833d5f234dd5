import re
import subprocess
import sys

import pytest
import torch

from training.loop.out_of_memory import explain_out_of_memory
from training.student.errors import BadInput
from training.student.exhaustion import is_out_of_memory

# Lets a training have 300 MB beyond what the interpreter has by then, and prints what it is told.
LIMITED = """
import resource, sys
from pathlib import Path
from training.data.pairs import read_pairs
from training.fit import fit
from training.recipe import read_recipe
from training.run import Run
from training.student.errors import BadInput

folder, run, *overrides = sys.argv[1:]
data = read_pairs(Path(folder))
fit(read_recipe("mobile", [*overrides, "batch=2", "photos_per_epoch=4"]), data=data, run=Run(Path(run) / "warm"))
status = Path("/proc/self/status").read_text()
used = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (used + 300 * 2**20,) * 2)
try:
    fit(read_recipe("mobile", overrides), data=data, run=Run(Path(run) / "run"))
except BadInput as error:
    print(error)
else:
    print("trained")
"""


def told(folder, run, *overrides):
    """The last line of a limited training, in a process of its own: what a failed one held is gone."""
    command = [sys.executable, "-c", LIMITED, str(folder), str(run), *overrides]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to a limit of its address space")
def test_a_batch_that_does_not_fit_is_told_with_one_that_does(discs, tiny, tmp_path):
    overrides = [*tiny, "height=192", "width=192", "photos_per_epoch=64", "epochs=1"]

    refusal = told(discs.folder, tmp_path / "one", *overrides, "batch=64")
    match = re.fullmatch(
        r"batch=64 does not fit into memory; batch=(\d+) does, or take a smaller height and width "
        r"\(now 192 and 192\), or a smaller encoder",
        refusal,
    )
    assert match, refusal

    assert told(discs.folder, tmp_path / "other", *overrides, f"batch={match[1]}") == "trained"


def test_what_allocators_say_is_known():
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**60, dtype=torch.uint8)

    assert is_out_of_memory(error.value)
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


class Greedy(torch.nn.Module):
    """Has room for so many photos at once."""

    def __init__(self, most):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))
        self.most = most

    def forward(self, photos):
        if len(photos) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return photos[:, :1] * self.scale


@pytest.mark.parametrize(
    ("most", "message"),
    [(5, r"batch=16 does not fit into .*memory; batch=4 does"), (1, "not even 2 photos at once fit into .*memory")],
)
def test_the_batch_is_halved_until_it_fits(tiny_recipe, most, message):
    with pytest.raises(BadInput, match=message), explain_out_of_memory(Greedy(most), tiny_recipe("batch=16"), "fp32"):
        raise torch.OutOfMemoryError("CUDA out of memory.")


def test_other_errors_pass_as_they_are(tiny_recipe):
    with pytest.raises(RuntimeError, match="shapes"), explain_out_of_memory(Greedy(1), tiny_recipe(), "fp32"):
        raise RuntimeError("shapes cannot be multiplied")
