"""Test tiers: what a test costs, which tests share a worker, and what a run left out.

`make test` leaves out every test that carries one of these marks; `make test-all` runs them all.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import pytest

MARKS: Mapping[str, str] = {
    "slow": "trains or converts for more than about three seconds",
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

LEFT_OUT = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the marks known."""
    for mark, meaning in MARKS.items():
        config.addinivalue_line("markers", f"{mark}: {meaning}")
    config.stash[LEFT_OUT] = Counter()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their fixtures, before `-m` selects by marks, and say which of them share a worker.

    Tests of one file share its fixtures. Those of the trained student and of the toolchains share one worker, since
    training or compiling a second time costs more than waiting.
    """
    for item in items:
        for fixture, mark in COSTLY_FIXTURES.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)
        is_shared = "verified" in getattr(item, "fixturenames", ()) or item.get_closest_marker("toolchain")
        item.add_marker(pytest.mark.xdist_group("shared" if is_shared else item.path.name))


def pytest_deselected(items: Iterable[pytest.Item]) -> None:
    """Count what `-m` leaves out, by mark."""
    for item in items:
        mark = next((mark for mark in MARKS if item.get_closest_marker(mark)), "others")
        item.config.stash[LEFT_OUT][mark] += 1


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    """Take over a worker's count: each collects all tests."""
    output = getattr(node, "workeroutput", {})
    if "left_out" in output:
        getattr(node, "config").stash[LEFT_OUT] = Counter(output["left_out"])  # noqa: B009 (a pytest object of no public type)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's count on."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash[LEFT_OUT])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out, and what runs it."""
    if left_out := config.stash[LEFT_OUT]:
        told = ", ".join(f"{count} {mark}" for mark, count in left_out.items())
        terminalreporter.write_line(f"left out: {told}; `make test-all` runs everything")
