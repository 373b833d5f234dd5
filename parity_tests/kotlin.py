"""Kotlin's real compiler and Android's real resource linker, for the tests of the Android sample."""

import hashlib
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from parity_tests import planted_kotlin as planted

SAMPLE = Path(__file__).resolve().parents[1] / "android_sample"
CORE = SAMPLE / "core" / "src"
APP = SAMPLE / "app" / "src"
MAIN = APP / "main"
STUBS = Path(__file__).parent / "stubs" / "android"

_BUILD = SAMPLE / "build" / "parity_tests"
_JARS = Path("/usr/share/java")
_JUNIT = (_JARS / "junit4.jar", _JARS / "hamcrest-core.jar")
_FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")

# Above, the JVM would spend more on compiling the compiler than that saves in runs of a few seconds.
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:ReservedCodeCacheSize=240m")


def toolchain() -> Path:
    """The folder of the compiler; where anything is missing, the test fails in CI and is skipped elsewhere with why."""
    found = subprocess.run([SAMPLE / "toolchain.sh", "--check"], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return Path(found.stdout.strip())
    reason = found.stderr.strip()
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def texts(folder: Path, suffix: str, below: Path = SAMPLE) -> dict[str, str]:
    """Every file of that suffix in a folder, by its path below the sample, or below what is given."""
    return {str(path.relative_to(below)): path.read_text(encoding="utf-8") for path in folder.rglob(f"*.{suffix}")}


def manifest() -> str:
    """The app's own."""
    return (MAIN / "AndroidManifest.xml").read_text(encoding="utf-8")


def link(res: Path, manifest: str, into: Path) -> subprocess.CompletedProcess[str]:
    """What aapt2 says of compiling resources and linking them with a manifest; R.java then lies below `into`."""
    toolchain()
    # Gradle adds the namespace as package. Debian's framework is of API 29, uses-native-library came with 31.
    text = manifest.replace("<manifest ", '<manifest package="pocketmask.app" ', 1)
    text = re.sub(r"<uses-native-library [^>]*/>", "", text)
    into.mkdir(parents=True, exist_ok=True)
    (into / "AndroidManifest.xml").write_text(text, encoding="utf-8")
    versions = tomllib.loads((SAMPLE / "gradle" / "libs.versions.toml").read_text())["versions"]
    compiling = ["compile", "--dir", res, "-o", into / "res.zip"]
    linking = ["link", "-o", into / "app.apk", "-I", _FRAMEWORK, "--manifest", into / "AndroidManifest.xml"]
    linking += ["--min-sdk-version", versions["minSdk"], "--target-sdk-version", versions["targetSdk"]]
    for command in (compiling, [*linking, "--java", into, into / "res.zip"]):
        done = subprocess.run(["aapt2", *map(str, command)], capture_output=True, text=True, check=False)
        if done.returncode:
            break
    return done


def signatures() -> dict[str, str]:
    """The stubs that are written by hand."""
    return texts(STUBS, "java", STUBS) | texts(STUBS, "kt", STUBS)


def stubs(resources: str) -> dict[str, str]:
    """What stands in for the phone: Java where the original is Java, so that Kotlin sees the same properties and nulls.

    Args:
        resources: R.java, as aapt2 made it.
    """
    build = (SAMPLE / "app" / "build.gradle.kts").read_text(encoding="utf-8")
    fields = re.findall(r'buildConfigField\("String", "(\w+)"', build)
    constants = "\n".join(f'    public static final String {name} = "";' for name in fields)
    generated = f"package pocketmask.app;\n\npublic final class BuildConfig {{\n{constants}\n}}\n"
    return signatures() | {"BuildConfig.java": generated, "R.java": resources}


def sources(resources: str) -> dict[str, str]:
    """All of the sample and its tests, stubs for what only phones have, and planted errors, each as a package."""
    core = texts(CORE, "kt")
    return core | texts(APP, "kt") | stubs(resources) | planted.packages(core)


def compile_(
    sources: Mapping[str, str], folder: Path, path: Sequence[Path] = ()
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """What kotlinc says of all sources in one call, warnings as errors; and the folder of their classes."""
    compiler = toolchain()
    files = []
    for name, text in sources.items():
        files.append(folder / "sources" / name)
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        files[-1].write_text(text, encoding="utf-8")
    options = ["-Werror", "-Wextra", "-no-reflect", "-jvm-target", "17", "-d", folder / "classes"]
    libraries = os.pathsep.join(map(str, [*path, *_JUNIT]))
    done = subprocess.run(
        [compiler / "bin" / "kotlinc", *options, "-cp", libraries, *files],
        env={**os.environ, "JAVA_OPTS": " ".join(QUICK)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, folder / "classes"


def classes(sources: Mapping[str, str]) -> Path:
    """The folder of what all `sources` compile to, in one call, kept until a source changes; fails if they do not."""
    digest = hashlib.sha256(repr((toolchain().name, sorted(sources.items()))).encode()).hexdigest()[:16]
    kept = _BUILD / digest
    if not kept.exists():
        shutil.rmtree(_BUILD, ignore_errors=True)
        done, compiled = compile_(sources, _BUILD)
        if done.returncode or done.stderr:
            pytest.fail(done.stderr)
        compiled.rename(kept)
    return kept


def java(
    compiled: Path, main: str, *arguments: object, options: Sequence[str] = QUICK
) -> subprocess.CompletedProcess[str]:
    """What the class `main` says and exits with."""
    path = os.pathsep.join(map(str, [compiled, toolchain() / "lib" / "kotlin-stdlib.jar", *_JUNIT]))
    command = ["java", "-ea", *options, "-cp", path, main, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
