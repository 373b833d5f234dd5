"""What to type where a package is missing. Imports nothing but Python's own, since anything may be missing."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from training.student.errors import BadInput

ROOT = Path(__file__).resolve().parents[2]

EXTRAS: Mapping[str, str] = MappingProxyType(
    {
        "av": "video",
        "accelerate": "teachers",
        "mlflow": "trackers",
        "optuna": "teachers",
        "peft": "teachers",
        "tensorboard": "trackers",
        "tflite_runtime": "tflite-runtime",
        "transformers": "teachers",
        "wandb": "trackers",
    }
)
"""The extra of pyproject.toml that holds a module; all others are installed with the project itself."""


def install_command(module: str) -> str:
    """The command that installs a module: make's in the environment that make set up, pip's elsewhere."""
    extra = EXTRAS[module]
    is_own = Path(sys.prefix).resolve() == (ROOT / ".venv").resolve()
    return f"make install-{extra}" if is_own else f"pip install '.[{extra}]'"


def missing(what: str, module: str) -> BadInput:
    """The error of something that needs a module of an extra."""
    return BadInput(f"{what} needs {module}, which is not installed; run {install_command(module)}")


def end_without(error: ModuleNotFoundError) -> None:
    """End the program in one line if a package is missing that everything needs.

    It is called where the program begins, most often because that is another Python than the project's.
    """
    name = (error.name or "").partition(".")[0]
    if name in ("training", "conversion"):
        return
    print(  # noqa: T201 (click may be what is missing)
        f"error: {sys.executable} lacks {name}; run make install once, then .venv/bin/python -m …", file=sys.stderr
    )
    sys.exit(BadInput.exit_code)
