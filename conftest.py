"""Test tiers: what a test costs, which tests share a worker, and what a run left out; and equal random numbers.

`make test` leaves out every test that carries one of these marks; `make test-all` runs them all.
"""

import copy
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

MARKS: Mapping[str, str] = {
    "slow": "trains or converts for more than about two seconds",
    "toolchain": "needs the Swift or Kotlin toolchain",
    "browser": "needs Chromium",
}

# A costly fixture marks every test that uses it.
COSTLY_FIXTURES: Mapping[str, str] = {
    "verified": "slow",
    "android_resources": "toolchain",
    "kotlin_classes": "toolchain",
    "browser": "browser",
}

# Files whose tests use the trained student or a toolchain. They run in one worker: to train and to compile twice would
# take longer than to wait.
ONE_WORKER = {
    f"parity_tests/test_{name}.py"
    for name in (
        "android_app",
        "android_build",
        "apps",
        "bench",
        "error_localisation",
        "gate_can_fail",
        "hops",
        "ios_app",
        "json",
        "kotlin",
        "mediapipe",
        "report",
        "swift",
        "variants",
    )
}

LEFT_OUT = pytest.StashKey[Counter[str]]()
RANDOM_STATES = pytest.StashKey[dict[str, Any]]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the marks known."""
    for mark, meaning in MARKS.items():
        config.addinivalue_line("markers", f"{mark}: {meaning}")
    config.stash[LEFT_OUT] = Counter()
    config.stash[RANDOM_STATES] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by their fixtures, before `-m` selects by marks."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for fixture, mark in COSTLY_FIXTURES.items():
            if fixture in fixtures:
                item.add_marker(mark)
        file = item.nodeid.partition("::")[0]
        if ("verified" in fixtures or item.get_closest_marker("toolchain")) and file not in ONE_WORKER:
            raise pytest.UsageError(
                f"{file} uses the trained student or a toolchain: add it to ONE_WORKER in conftest.py"
            )
        module = getattr(item, "module", None)
        if hasattr(module, "RNG"):
            config.stash[RANDOM_STATES].setdefault(module.__name__, copy.deepcopy(module.RNG.bit_generator.state))


@pytest.fixture(autouse=True)
def same_random_numbers(request: pytest.FixtureRequest) -> None:
    """Let a test draw the same numbers from its module's `RNG`, whichever tests ran before it."""
    if hasattr(request.module, "RNG"):
        request.module.RNG.bit_generator.state = request.config.stash[RANDOM_STATES][request.module.__name__]


_CLAIM = """
import sys
from pathlib import Path
from training.student.claim import claim
with claim(Path(sys.argv[1]), sys.argv[2]):
    print("claimed", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def claimed_elsewhere() -> Iterator[Callable[..., Any]]:
    """Starts another process, which claims a folder, or a name in it, until the test ends; gives the process."""
    started = []

    def start(folder: Path, name: str = "") -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", _CLAIM, folder, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == b"claimed\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share out whole files, since their tests share fixtures, and the files of `ONE_WORKER` together."""
    from xdist.scheduler import LoadFileScheduling

    class FilesAndOneWorker(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return "one worker" if file in ONE_WORKER else file

    return FilesAndOneWorker(config, log)


def pytest_deselected(items: Iterable[pytest.Item]) -> None:
    """Count what `-m` leaves out, by mark."""
    for item in items:
        if mark := next((mark for mark in MARKS if item.get_closest_marker(mark)), None):
            item.config.stash[LEFT_OUT][mark] += 1


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over a worker's count: each collects all tests."""
    output = getattr(node, "workeroutput", {})
    if "left_out" in output:
        node.config.stash[LEFT_OUT] = Counter(output["left_out"])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's count on."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash[LEFT_OUT])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out, and what runs it."""
    left_out = config.stash[LEFT_OUT]
    if left_out and "not " in config.option.markexpr:
        told = ", ".join(f"{count} {mark}" for mark, count in left_out.items())
        terminalreporter.write_line(f"left out: {told}; `make test-all` runs everything")
