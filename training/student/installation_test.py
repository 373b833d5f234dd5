import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from training.student import installation

ROOT = Path(__file__).resolve().parents[2]


def test_every_module_lies_in_an_extra_that_exists():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    for module, extra in installation.EXTRAS.items():
        listed = " ".join(extras[extra])
        assert module in listed or module.replace("_", "-") in listed


@pytest.mark.parametrize(
    ("prefix", "command"), [(ROOT / ".venv", "make install-video"), (Path("/usr"), "pip install '.[video]'")]
)
def test_the_command_is_that_of_the_environment(monkeypatch, prefix, command):
    monkeypatch.setattr(sys, "prefix", str(prefix))

    assert str(installation.missing("a video", "av")) == f"a video needs av, which is not installed; run {command}"


@pytest.mark.parametrize("package", ["training", "conversion"])
def test_a_python_without_the_packages_ends_in_one_line(package):
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-m", package, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {sys.executable} lacks click; run make install once, then .venv/bin/python -m …\n"
