"""What this machine can do: train, label, convert, execute, show, and build the apps.

A table of checks. Each tries a little of the real thing, and gives what it found, or what is missing and the line that
installs it. Nothing is downloaded.
"""

import platform
import shutil
import subprocess
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.metadata import version
from importlib.util import find_spec, module_from_spec
from pathlib import Path

from conversion.runtimes.runner import why_unavailable
from training.device import NAMES, this_machine
from training.student.errors import BadInput
from training.student.installation import install_command

ROOT = Path(__file__).resolve().parents[1]

_ALL = "make install"
"""Sets up the environment without the extras."""


class Missing(Exception):
    """Something is missing; the message says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a machine may have."""

    purpose: str
    """What it is for: train, label, convert, execute, show, apps."""
    name: str
    probe: Callable[[], str]
    """Gives what there is, such as a version.

    Raises:
        Missing: There is none.
    """
    install: str
    """The line that installs it, or what else to do."""
    is_needed: bool = False
    """Whether `make mobile` stops without it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check."""

    purpose: str
    name: str
    found: str
    """What there is; empty if it is missing."""
    why: str
    """Why it is missing, as far as is known; empty if it is there."""
    install: str
    """Likewise the line that installs it."""
    is_needed: bool


def imported(module: str, *packages: str) -> Callable[[], str]:
    """Checks that a module can be imported; gives the versions of its packages.

    A broken package is as good as a missing one, and only importing it tells.
    """

    def probe() -> str:
        try:
            import_module(module)
            return installed(*packages)()
        except Exception as error:  # a broken library may raise anything
            raise Missing(" ".join(str(error).split())) from error

    return probe


def loaded(module: str, *packages: str) -> Callable[[], str]:
    """Checks that a compiled module can be loaded, without the package around it, whose import would take seconds."""

    def probe() -> str:
        package, _, name = module.rpartition(".")
        try:
            place = find_spec(package)
            found = place and PathFinder.find_spec(module, place.submodule_search_locations)
            if not found or not found.loader:
                raise Missing(f"no {name} in {package}" if place else f"no module named {package}")
            found.loader.exec_module(module_from_spec(found))
        except ImportError as error:
            raise Missing(" ".join(str(error).split())) from error
        return installed(*packages)()

    return probe


def installed(*packages: str) -> Callable[[], str]:
    """Checks that packages are installed, without importing them, which would take seconds."""

    def probe() -> str:
        return ", ".join(f"{package} {version(package)}" for package in packages)

    return probe


def _gpu() -> str:
    import torch

    accelerator = this_machine().accelerator
    if accelerator == "cuda":
        return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"
    if accelerator == "mps":
        return NAMES["mps"]
    raise Missing("torch sees none, and trains on the processor")


def _bf16() -> str:
    machine = this_machine()
    if machine.accelerator != "cpu":
        if machine.has_bfloat16:
            return "in the GPU"
        raise Missing("the GPU has none")
    # Every processor can compute in bfloat16; only one with an instruction for it is fast.
    flags = Path("/proc/cpuinfo")
    named = {"amx_bf16", "avx512_bf16", "bf16"} & set(flags.read_text().split()) if flags.exists() else set()
    if named:
        return f"in the processor: {', '.join(sorted(named))}"
    raise Missing("the processor has no instruction for it")


def _tflite_runtime() -> str:
    if reason := why_unavailable("tflite-runtime"):
        raise Missing(reason)
    return f"tflite-runtime {version('tflite-runtime')}"


def _coreml() -> str:
    if reason := why_unavailable("coreml"):
        raise Missing(reason)
    return f"macOS {platform.mac_ver()[0]}"


def _chromium() -> str:
    for name in ("chromium", "google-chrome", "chrome"):
        if path := shutil.which(name):
            return path
    raise Missing("no chromium, google-chrome or chrome on PATH")


def toolchain(folder: str) -> Callable[[], str]:
    """Runs a sample app's toolchain.sh, which says what is missing."""

    def probe() -> str:
        script = ROOT / folder / "toolchain.sh"
        if not script.is_file():
            raise Missing(f"{folder} is not in this clone")
        found = subprocess.run(
            ["bash", str(script), "--check"], capture_output=True, text=True, check=False, timeout=60
        )
        if found.returncode:
            raise Missing(found.stderr.strip().removeprefix("toolchain.sh: ") or f"{script} failed")
        return found.stdout.strip().splitlines()[0]

    return probe


CHECKS: tuple[Check, ...] = (
    Check("train", "PyTorch", imported("torch", "torch", "torchvision", "lightning"), _ALL, is_needed=True),
    Check("train", "GPU", _gpu, "see https://pytorch.org/get-started; none is needed"),
    Check("train", "bfloat16", _bf16, "another machine; fp32 is used here"),
    Check("train", "trackers", installed("mlflow-skinny", "tensorboard", "wandb"), install_command("wandb")),
    Check("label", "teachers", installed("transformers", "accelerate", "peft"), install_command("peft")),
    Check("label", "tune", installed("optuna"), install_command("optuna")),
    Check(
        "convert",
        "ONNX",
        loaded("onnxsim.onnxsim_cpp2py_export", "onnx", "onnxscript", "onnxsim"),
        _ALL,
        is_needed=True,
    ),
    Check("convert", "Core ML", loaded("coremltools.libmilstoragepython", "coremltools"), _ALL, is_needed=True),
    Check("convert", "TFLite", imported("ai_edge_litert.schema_py_generated", "ai-edge-litert"), _ALL, is_needed=True),
    Check("convert", "TFLite in integers", installed("ai-edge-quantizer"), _ALL),
    Check("execute", "ONNX Runtime", imported("onnxruntime", "onnxruntime"), _ALL, is_needed=True),
    Check("execute", "ONNX's reference", imported("onnx.reference", "onnx"), _ALL),
    Check("execute", "LiteRT", imported("ai_edge_litert.interpreter", "ai-edge-litert"), _ALL, is_needed=True),
    Check("execute", "tflite-runtime", _tflite_runtime, f"{install_command('tflite_runtime')}, in Python 3.11"),
    Check("execute", "Core ML, our executor", imported("conversion.coreml.executor"), _ALL),
    Check("execute", "Core ML itself", _coreml, "a Mac"),
    Check("show", "videos", imported("av", "av"), install_command("av")),
    Check("show", "Chromium, for tests", _chromium, "apt-get install chromium"),
    Check("apps", "Swift", toolchain("ios_sample"), "ios_sample/toolchain.sh"),
    Check("apps", "Kotlin, JUnit, aapt2", toolchain("android_sample"), "android_sample/toolchain.sh"),
)


def run_checks(checks: tuple[Check, ...]) -> list[Finding]:
    """Run the checks in order. If one fails in any way, its finding is that it is missing, and the next one runs."""
    findings = []
    for check in checks:
        found, why = "", ""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = check.probe() or "there"
        except Exception as error:  # the point is to tell, not to stop
            why = str(error) or type(error).__name__
        findings.append(Finding(check.purpose, check.name, found, why, "" if found else check.install, check.is_needed))
    return findings


def check_needed(findings: Sequence[Finding]) -> None:
    """Raise if something is missing that `make mobile` needs.

    Raises:
        BadInput: It names what is missing.
    """
    if lacking := [one.name for one in findings if one.is_needed and not one.found]:
        raise BadInput(f"{' and '.join(lacking)} is missing, without which nothing can be trained or converted")


def as_text(findings: list[Finding]) -> str:
    """For people: one line per check with what is there, or why it is missing and what to do."""
    wide = max(len(finding.name) for finding in findings)
    lines, purpose = [f"Python {platform.python_version()}, {platform.system()} on {platform.machine()}"], ""
    for finding in findings:
        if finding.purpose != purpose:
            lines.append(purpose := finding.purpose)
        says = finding.found or f"{finding.why} → {finding.install}"
        lines.append(f"  {'✓' if finding.found else '✗'} {finding.name:<{wide}}  {says}")
    lines.append("Hugging Face's hub was not tried: `label` says so where weights cannot be fetched.")
    return "\n".join(lines)
