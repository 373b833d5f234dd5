"""Swift's real compiler, for the tests that hold the iOS sample against Python.

ios_sample/toolchain.sh finds or installs it; what is built lies in a cache beside the user's others, so that only the
first run is slow.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

SAMPLE = Path(__file__).resolve().parents[1] / "ios_sample"
PACKAGE = SAMPLE / "SegPost"
TOOLCHAIN = SAMPLE / "toolchain.sh"

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pocketmask"
_KEPT = _CACHE / f"ios-{hashlib.sha256(str(SAMPLE).encode()).hexdigest()[:12]}"
"""One for each checkout."""


def run(*command: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """What a command says, errors among the rest, where Swift is found."""
    return subprocess.run(
        [str(TOOLCHAIN), *map(str, command)],
        env={**os.environ, **variables},
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def toolchain() -> str:
    """Its version; where it is missing the test fails in CI and is skipped elsewhere, saying how to get one."""
    found = run("--check")
    if found.returncode == 0:
        return found.stdout
    if os.environ.get("CI"):
        pytest.fail(found.stdout)
    pytest.skip(found.stdout.strip())


def compiled(name: str, files: Sequence[Path], into: Path, *options: object) -> None:
    """A module to import and an object to link, in the folder `into`. What does not compile fails."""
    module = ("-emit-module", "-emit-module-path", into / f"{name}.swiftmodule")
    done = run(
        *("swiftc", "-module-name", name, "-parse-as-library", "-wmo", "-I", into, *module),
        *("-emit-object", "-o", into / f"{name}.o", *options, *files),
    )
    if done.returncode:
        pytest.fail(done.stdout)


def library() -> Path:
    """The folder of SegPost as it ships, optimised; kept until a source changes."""
    version = toolchain()
    files = sorted((PACKAGE / "Sources" / "SegPost").glob("*.swift"))
    texts = [(file.name, file.read_text(encoding="utf-8")) for file in files]
    kept = _KEPT / "library" / hashlib.sha256(repr((version, texts)).encode()).hexdigest()[:16]
    if not kept.exists():
        shutil.rmtree(kept.parent, ignore_errors=True)
        half = kept.with_suffix(".partial")
        half.mkdir(parents=True)
        compiled("SegPost", files, half, "-O", "-warnings-as-errors")
        half.rename(kept)
    return kept


def copy() -> Path:
    """A copy of the package, to plant errors in; what is as it was is not written, or it would be built again."""
    folder = _KEPT / "SegPost"
    stale = {file for file in folder.rglob("*") if file.is_file()}
    for file in (file for file in PACKAGE.rglob("*.swift") if ".build" not in file.parts):
        copied = folder / file.relative_to(PACKAGE)
        stale.discard(copied)
        if not copied.exists() or copied.read_bytes() != file.read_bytes():
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copied)
    for file in stale:
        file.unlink()
    return folder


def test(package: Path, *options: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """What `swift test` of a copy of the package says; all copies share one build."""
    toolchain()
    where = ("--package-path", package, "--scratch-path", _KEPT / "build")
    # SwiftPM's own sandbox is macOS's, and cannot be nested in another.
    common = (*where, "--disable-sandbox", "-Xswiftc", "-warnings-as-errors")
    return run("swift", "test", *common, *options, CI="1", **variables)
