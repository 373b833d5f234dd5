"""The Android app without Android: sources by the real compiler, resources by the real aapt2, Gradle's files alone.

What needs a phone is checked against stubs of just the members used (stubs/android, each saying where its signature
is documented). No APK is built: that takes Google's archives. Each check is shown to fail on a planted error.
"""

import re
import shutil
import tomllib
from xml.etree import ElementTree

import pytest

from parity_tests import kotlin
from parity_tests import planted_kotlin as planted

pytestmark = pytest.mark.toolchain

SAMPLE = kotlin.SAMPLE
SOURCES = kotlin.MAIN / "kotlin" / "pocketmask" / "app"
ANDROID = "{http://schemas.android.com/apk/res/android}"


# Resources


def test_manifest_and_resources_link(android_resources):
    assert "public static final int self_test=" in android_resources


@pytest.mark.parametrize(("file", "right", "wrong", "says"), planted.RESOURCES.values(), ids=planted.RESOURCES)
def test_a_planted_error_does_not_link(tmp_path, file, right, wrong, says):
    shutil.copytree(kotlin.MAIN / "res", tmp_path / "res")
    (tmp_path / "AndroidManifest.xml").write_text(kotlin.manifest(), encoding="utf-8")
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert right in text
    (tmp_path / file).write_text(text.replace(right, wrong, 1), encoding="utf-8")

    done = kotlin.link(tmp_path / "res", (tmp_path / "AndroidManifest.xml").read_text(), tmp_path / "linked")

    assert done.returncode != 0
    assert says in done.stderr


def _views(layouts):
    """The class of each view that has an id."""
    views = {}
    for text in layouts:
        for element in ElementTree.fromstring(text).iter():
            if name := element.get(f"{ANDROID}id"):
                views[name.removeprefix("@+id/")] = element.tag
    return views


def _misnamed(sources, views):
    """Where the code asks for a view by a class that the layout does not give it: a crash that no compiler sees."""
    asked = re.findall(r"findViewById<(\w+)>\(R\.id\.(\w+)\)", sources)
    asked += [("Button", name) for name in re.findall(r"onClick\(R\.id\.(\w+)\)", sources)]
    assert asked
    return [
        f"{name} is a {views[name]}, asked for as {kind}" for kind, name in asked if kind not in ("View", views[name])
    ]


def test_the_code_knows_each_view_by_its_class():
    views = _views(kotlin.texts(kotlin.MAIN / "res" / "layout", "xml").values())
    sources = "\n".join(kotlin.texts(SOURCES, "kt").values())

    assert _misnamed(sources, views) == []
    assert _misnamed(sources, {**views, "picture": "TextView"})


def _activities(manifest, sources):
    """Those that the manifest names, and those that the sources have."""
    named = {one.get(f"{ANDROID}name") for one in ElementTree.fromstring(manifest).iter("activity")}
    written = {f"pocketmask.app.{name}" for name in re.findall(r"class (\w+) : ComponentActivity\(\)", sources)}
    return named, written


def test_every_activity_is_in_the_manifest_and_the_other_way_round():
    sources = "\n".join(kotlin.texts(SOURCES, "kt").values())

    named, written = _activities(kotlin.manifest(), sources)
    assert named == written != set()
    named, written = _activities(kotlin.manifest().replace("SelfTestActivity", "TestActivity"), sources)
    assert named != written


# Gradle


def _catalogue():
    return tomllib.loads((SAMPLE / "gradle" / "libs.versions.toml").read_text(encoding="utf-8"))


def _scripts():
    return {path: path.read_text(encoding="utf-8") for path in SAMPLE.rglob("*.gradle.kts")}


def _accessors(catalogue):
    def named(table, prefix=""):
        return {prefix + re.sub("[-_]", ".", alias) for alias in catalogue[table]}

    return named("libraries") | named("versions", "versions.") | named("plugins", "plugins.")


def _used(text):
    return {name.removesuffix(".get") for name in re.findall(r"\blibs\.([\w.]+)", text)}


def test_every_accessor_is_in_the_catalogue_and_every_library_in_use():
    scripts, catalogue = _scripts(), _catalogue()

    assert {path.parent.name for path in scripts} >= {"app", "core"}
    for path, text in scripts.items():
        assert _used(text) <= _accessors(catalogue), path
    assert not _used("implementation(libs.camera.camera3)") <= _accessors(catalogue)
    used = set().union(*map(_used, scripts.values()))
    assert {name for name in _accessors(catalogue) if not name.startswith("versions.")} <= used


def _dangling(catalogue):
    """Entries whose version the catalogue lacks, and versions that nothing takes."""
    entries = [*catalogue["libraries"].values(), *catalogue["plugins"].values()]
    referred = {entry["version"]["ref"] for entry in entries}
    elsewhere = {name.removeprefix("versions.") for text in _scripts().values() for name in _used(text)}
    return referred - set(catalogue["versions"]), set(catalogue["versions"]) - referred - elsewhere


def test_the_catalogue_has_the_versions_that_it_refers_to_and_no_other():
    catalogue = _catalogue()

    assert _dangling(catalogue) == (set(), set())
    assert all(re.fullmatch(r"[\w.-]+:[\w.-]+", entry["module"]) for entry in catalogue["libraries"].values())
    renamed = {("litter" if name == "litert" else name): version for name, version in catalogue["versions"].items()}
    assert _dangling({**catalogue, "versions": renamed}) == ({"litert"}, {"litter"})


def test_the_build_takes_in_each_module_and_no_jar():
    named = re.findall(r'":(\w+)"', _scripts()[SAMPLE / "settings.gradle.kts"])
    there = {path.parent.name for path in SAMPLE.glob("*/build.gradle.kts")}

    assert set(named) == there == {"app", "core"}
    assert "gradle-8.11.1-bin.zip" in (SAMPLE / "gradle" / "wrapper" / "gradle-wrapper.properties").read_text()
    assert not list(SAMPLE.rglob("gradle-wrapper.jar"))


# Sources


def test_all_sources_compile_without_a_warning(kotlin_classes):
    for name in ("app/MainActivity", "app/SelfTestActivity", "core/PostprocessKt"):
        assert (kotlin_classes / "pocketmask" / f"{name}.class").exists()


def test_each_planted_error_does_not_compile(kotlin_classes, android_resources, tmp_path):
    wrong = planted.files(kotlin.texts(kotlin.APP, "kt"))

    done, _ = kotlin.compile_(kotlin.stubs(android_resources) | wrong, tmp_path, [kotlin_classes])

    assert done.returncode != 0
    for error, (_, _, _, says) in planted.TYPES.items():
        assert re.search(rf"{error}/\w+\.kt:\d+:\d+: error: .*{says}", done.stderr), (error, done.stderr)


@pytest.mark.parametrize(("file", "right", "wrong", "says"), planted.WARNINGS.values(), ids=planted.WARNINGS)
def test_a_planted_warning_does_not_compile(tmp_path, file, right, wrong, says):
    text = (SOURCES / f"{file}.kt").read_text(encoding="utf-8")
    assert right in text

    done, _ = kotlin.compile_({f"{file}.kt": text.replace(right, wrong)}, tmp_path)

    assert done.returncode != 0
    assert f"warning: {says}" in done.stderr


def test_every_stub_says_where_its_signatures_are_documented():
    stubs = kotlin.signatures()

    assert stubs
    for name, text in stubs.items():
        assert re.match(r"// Signatures: (https://|github\.com/)", text), name
