import os
import subprocess
import sys
import warnings

import pytest
import torch

from training.device import TORCH_VARIABLES, Machine, choose_accelerator, formats, named_fallbacks, teacher_device
from training.student.errors import BadInput

PLAIN = Machine()
MAC, OLD_MAC = Machine("mps", 1, True), Machine("mps", 1, False)
AMPERE, TURING = Machine("cuda", 4, True), Machine("cuda", 1, False)


@pytest.mark.parametrize(
    ("machine", "wanted", "processes", "expected"),
    [
        (PLAIN, "auto", 1, "cpu"),
        (PLAIN, "cpu", 2, "cpu"),
        (MAC, "auto", 1, "mps"),
        (MAC, "mps", 1, "mps"),
        (MAC, "cpu", 1, "cpu"),
        (MAC, "auto", 2, "cpu"),
        (AMPERE, "auto", 4, "cuda"),
        (AMPERE, "cpu", 4, "cpu"),
    ],
)
def test_training_takes_the_best_there_is_unless_told(machine, wanted, processes, expected):
    assert choose_accelerator(wanted, machine, processes) == expected


@pytest.mark.parametrize(
    ("machine", "wanted", "processes", "message"),
    [
        (PLAIN, "cuda", 1, "accelerator=cuda needs a CUDA GPU, and there is none here; .* takes the processor"),
        (AMPERE, "mps", 1, "accelerator=mps needs an Apple GPU .* takes a CUDA GPU"),
        (MAC, "cuda", 1, "accelerator=cuda .* takes an Apple GPU"),
        (MAC, "mps", 2, "an Apple GPU serves one process"),
    ],
)
def test_what_a_machine_lacks_is_refused(machine, wanted, processes, message):
    with pytest.raises(BadInput, match=message):
        choose_accelerator(wanted, machine, processes)


@pytest.mark.parametrize(
    ("accelerator", "machine", "expected"),
    [
        ("cpu", PLAIN, ("fp32", "bf16")),
        ("cpu", AMPERE, ("fp32", "bf16")),
        ("cuda", AMPERE, ("bf16",)),
        ("cuda", TURING, ("fp16",)),
        ("mps", MAC, ("fp32", "bf16")),
        ("mps", OLD_MAC, ("fp32",)),
    ],
)
def test_the_formats_that_can_be_fastest(accelerator, machine, expected):
    assert formats(accelerator, machine) == expected


@pytest.mark.parametrize(
    ("machine", "wanted", "variables", "expected"),
    [
        (PLAIN, "auto", {}, "cpu"),
        (PLAIN, "auto", {"LOCAL_RANK": "1"}, "cpu"),
        (MAC, "auto", {}, "mps"),
        (AMPERE, "auto", {}, "cuda:0"),
        (AMPERE, "auto", {"LOCAL_RANK": "1"}, "cuda:1"),
        (AMPERE, "auto", {"SLURM_LOCALID": "3"}, "cuda:3"),
        (TURING, "auto", {"SLURM_LOCALID": "3"}, "cuda:0"),
        (AMPERE, "auto", {"LOCAL_RANK": "1", "SLURM_LOCALID": "0"}, "cuda:1"),
        (AMPERE, "cpu", {"LOCAL_RANK": "1"}, "cpu"),
        (AMPERE, "cuda:2", {"LOCAL_RANK": "1"}, "cuda:2"),
    ],
)
def test_teachers_of_one_machine_each_take_a_gpu(machine, wanted, variables, expected):
    assert teacher_device(wanted, machine, variables) == expected


def test_a_number_that_is_none_is_refused():
    with pytest.raises(BadInput, match="LOCAL_RANK is 'x'"):
        teacher_device("auto", AMPERE, {"LOCAL_RANK": "x"})


def test_each_operator_that_mps_lacks_is_named_once(recwarn):
    told = []
    text = (
        "The operator 'aten::{}' is not currently supported on the MPS backend and will fall back to run on the CPU. "
        "This may have performance implications. (Triggered internally at MPSFallback.mm:14.)"
    )
    with named_fallbacks(told.append):
        for name in ("unfold", "unfold", "col2im", "unfold"):
            warnings.warn(text.format(name), UserWarning, stacklevel=1)
    assert told == [
        "MPS lacks aten::unfold, which runs on the processor instead",
        "MPS lacks aten::col2im, which runs on the processor instead",
    ]


def test_the_command_lines_tell_torch_what_it_reads_before_it_is_imported():
    script = (
        "import sys, os, atexit\nfrom {0}.__main__ import main\nassert 'torch' not in sys.modules\n"
        "atexit.register(lambda: print('said', {{n: os.environ[n] for n in {1}}}, 'torch' in sys.modules))\n"
        "main(['{2}', '--help'])"
    )
    for package, command in (("training", "fit"), ("conversion", "verify")):
        written = script.format(package, list(TORCH_VARIABLES), command)
        for own in ({}, {"GOMP_SPINCOUNT": "5"}):
            before = {name: value for name, value in os.environ.items() if name not in TORCH_VARIABLES}
            ran = subprocess.run(
                [sys.executable, "-c", written], capture_output=True, text=True, check=False, env={**before, **own}
            )
            assert ran.stdout.endswith(f"said {dict(TORCH_VARIABLES) | own} False\n"), ran.stderr


def test_torch_is_asked_here():
    from training.device import this_machine

    found = this_machine()
    assert (found.accelerator == "cpu") == (torch.accelerator.current_accelerator(check_available=True) is None)
