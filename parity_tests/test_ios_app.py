"""The iOS app without a Mac: its sources against stubs of Apple's frameworks, its models played back, its project read.

What only Xcode, a phone or its camera can show is listed in ios_sample/README.md as not proven.
"""

import base64
import json
import platform
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from conversion import apps
from conversion.artefact import manifest
from conversion.artefact.metadata import CONTRACT_KEY
from conversion.coreml.package import read_specification
from parity_tests import planted_swift as planted
from parity_tests import swift
from training.student.digest import sha256
from training.student.preprocess import preprocess

pytestmark = pytest.mark.toolchain

SAMPLE = swift.SAMPLE
SOURCES = SAMPLE / "Pocketmask"
STUBS = Path(__file__).parent / "stubs" / "apple"
PROJECT = SAMPLE / "Pocketmask.xcodeproj/project.pbxproj"

MODULES = (
    *("CoreGraphics", "ImageIO", "UniformTypeIdentifiers", "CoreVideo", "CoreMedia", "AVFoundation", "Combine"),
    *("UIKit", "SwiftUI", "PhotosUI", "CryptoKit", "CoreML"),
)
"""Each after those that it imports."""

STRICT = ("-swift-version", "5", "-strict-concurrency=complete", "-warnings-as-errors")


@pytest.fixture(scope="session")
def modules(tmp_path_factory):
    """A folder with the stubs, compiled, and SegPost."""
    if platform.system() == "Darwin":
        pytest.skip("on a Mac, Xcode checks the app against Apple's own frameworks")
    folder = tmp_path_factory.mktemp("modules")
    for file in swift.library().iterdir():
        (folder / file.name).symlink_to(file)
    for name in MODULES:
        swift.compiled(name, [STUBS / f"{name}.swift"], folder)
    return folder


def checked(modules, sources):
    files = sorted(sources.glob("*.swift"))
    options = ("-typecheck", "-parse-as-library", "-continue-building-after-errors", *STRICT)
    return swift.run("swiftc", *options, "-I", modules, *files)


def test_all_sources_pass_the_compiler_with_warnings_as_errors(modules):
    found = checked(modules, SOURCES)

    assert found.returncode == 0, found.stdout


@pytest.fixture(scope="module")
def wrong(modules, tmp_path_factory):
    """What the compiler says of all planted errors at once, and the lines where they are."""
    sources = shutil.copytree(SOURCES, tmp_path_factory.mktemp("planted") / "sources")
    lines = planted.plant(planted.TYPES, sources)
    return checked(modules, sources), lines


@pytest.mark.parametrize("error", planted.TYPES)
def test_a_planted_error_does_not_compile(error, wrong):
    found, lines = wrong
    file, _, _, says = planted.TYPES[error]

    assert found.returncode != 0
    assert re.search(rf"{file}\.swift:{lines[error]}:\d+: error: .*{says}", found.stdout), found.stdout


# --- the app's own code, run ---


@pytest.fixture(scope="session")
def app(modules):
    """The app without its screens, as a function from arguments to what it prints."""
    path = modules / "app"
    sources = [file for file in sorted(SOURCES.glob("*.swift")) if "import SwiftUI" not in file.read_text()]
    objects = sorted(modules.glob("*.o"))
    built = swift.run("swiftc", "-wmo", "-I", modules, "-o", path, *sources, STUBS / "main.swift", *objects)
    assert built.returncode == 0, built.stdout

    def run(*arguments):
        found = swift.run(path, *arguments)
        assert found.returncode == 0, found.stdout
        return found.stdout.strip()

    return run


@pytest.fixture(scope="session")
def given(verified, tmp_path_factory):
    """What `make apps` gives of a trained student, and for its package a playback of its recorded logits."""
    root = tmp_path_factory.mktemp("given")
    (root / "ios_sample").mkdir()
    (folder,) = apps.copy_to_apps(verified.run, root, ["ios"])
    (package,) = folder.glob("*.mlpackage")
    said = read_specification(package).description
    recorded = json.loads((folder / apps.SELF_TEST).read_text())["vectors"][0]["logits"]
    content = {
        "metadata": dict(said.metadata.userDefined),
        "inputs": {one.name: [one.type.imageType.height, one.type.imageType.width] for one in said.input},
        "outputs": {one.name: list(one.type.multiArrayType.shape) for one in said.output},
        "given": {"logits": array(decoded(recorded, "<f4"))},
    }
    (folder / f"{package.name}.playback").write_text(json.dumps(content))
    return folder


def decoded(tensor, dtype):
    return np.frombuffer(base64.b64decode(tensor["data"]), dtype).reshape(tensor["shape"])


def array(logits, dtype="<f4", gap=0):
    """As Core ML may leave logits: in rows and planes that end in a gap, here of NaN."""
    channels, rows, columns = logits.shape
    roomy = np.full((channels, rows + (gap > 0), columns + gap), np.nan, dtype)
    roomy[:, :rows, :columns] = logits
    return {
        "type": {"<f2": 65552, "<f4": 65568, "<f8": 65600}[dtype],
        "shape": [1, *logits.shape],
        "strides": [roomy.size, *(stride // roomy.itemsize for stride in roomy.strides)],
        "data": base64.b64encode(roomy.tobytes()).decode(),
    }


def logits_of(content):
    return decoded(content["given"]["logits"], "<f4")[0]


def altered(given, folder, alter):
    """A copy of a run's folder whose playback `alter` has changed."""
    copy = shutil.copytree(given, folder / given.name)
    (file,) = copy.glob("*.playback")
    content = json.loads(file.read_text())
    alter(content)
    file.write_text(json.dumps(content))
    return copy


def test_the_app_takes_the_same_digest(app, given):
    (package,) = given.glob("*.mlpackage")

    assert app("digest", package) == sha256(package)


def test_a_folder_sorts_before_a_file_as_in_python(app, tmp_path):
    package = tmp_path / "odd.mlpackage"
    (package / "a").mkdir(parents=True)
    for name in ("a/b", "a.b", "b"):
        (package / name).write_text(name)

    assert app("digest", package) == sha256(package)


def test_the_app_lists_what_it_was_given(app, given):
    assert app("list", given.parent) == f"{given.name}/student-fp16.mlpackage passed"


def test_the_app_without_a_model_lists_nothing(app, tmp_path):
    assert app("list", tmp_path / "nothing") == ""


def test_what_is_picked_in_files_is_copied_and_listed(app, given, tmp_path):
    (package,) = given.glob("*.mlpackage")

    # With its manifest if the folder is picked, without if the package alone is.
    assert app("copy", given) == f"{given.name}/student-fp16.mlpackage passed"
    assert app("copy", package) == "student-fp16.mlpackage no manifest"
    (tmp_path / "notes.txt").write_text("no model")
    assert "refused: notes.txt holds no Core ML model; pick" in app("copy", tmp_path / "notes.txt")
    assert app("copy", tmp_path / "gone.mlpackage").startswith("refused: ")


def test_the_self_test_finds_every_golden_vector_and_the_recorded_mask(app, given):
    report = json.loads(app("self-test", given, given.parent / apps.GOLDEN))

    assert len(report["golden"]) == 7
    assert all(replay["vectors"] > 0 and not replay["failed"] for replay in report["golden"])
    assert report["drift"] == {"error": 0, "flips": 0, "pixels": 240 * 320}
    assert 0 < report["ms"]["p50"] <= report["ms"]["p90"]


def test_a_golden_vector_that_differs_is_named(app, given, tmp_path):
    golden = shutil.copytree(given.parent / apps.GOLDEN, tmp_path / "golden")
    record = json.loads((golden / "overlay.json").read_text())
    vector = record["vectors"][0]
    picture = bytearray(base64.b64decode(vector["picture"]["data"]))
    picture[0] ^= 1
    vector["picture"]["data"] = base64.b64encode(picture).decode()
    (golden / "overlay.json").write_text(json.dumps(record))

    report = json.loads(app("self-test", given, golden))

    assert {one["file"]: one["failed"] for one in report["golden"] if one["failed"]} == {"overlay": [vector["name"]]}


def test_the_model_is_fed_the_input_that_python_makes(app, given, tmp_path):
    recorded = json.loads((given / apps.SELF_TEST).read_text())["vectors"][0]
    entry = preprocess(decoded(recorded["photo"], np.uint8), manifest.read(given).contract)

    def fed(name, image):
        played = base64.b64encode(np.ascontiguousarray(image).tobytes()).decode()
        folder = altered(given, tmp_path / name, lambda content: content.update(image=played))
        return app("self-test", folder, given.parent / apps.GOLDEN)

    assert not fed("rgb", entry).startswith("refused")
    assert fed("bgr", entry[..., ::-1]).startswith("refused: input at")


def test_float16_is_read_through_strides_past_gaps(app, given, tmp_path):
    def halve(content):
        content["given"]["logits"] = array(logits_of(content), "<f2", gap=5)

    drift = json.loads(app("self-test", altered(given, tmp_path, halve), given.parent / apps.GOLDEN))["drift"]

    # What an fp16 package gave are float16's own numbers; one of the gaps' would be refused, one out of place no match.
    assert drift == {"error": 0, "flips": 0, "pixels": 240 * 320}


def test_a_self_test_sees_another_mask(app, given, tmp_path):
    def turn(content):
        content["given"]["logits"] = array(-logits_of(content))

    assert (
        json.loads(app("self-test", altered(given, tmp_path, turn), given.parent / apps.GOLDEN))["drift"]["flips"] > 0.5
    )


def _contract(content, **fields):
    content["metadata"][CONTRACT_KEY] = json.dumps(json.loads(content["metadata"][CONTRACT_KEY]) | fields)


def _cut(content):
    content["given"]["logits"] = array(logits_of(content)[:, 1:])


def _double(content):
    content["given"]["logits"] = array(logits_of(content), "<f8")


def _nan(content):
    logits = logits_of(content).copy()
    logits[0, 1, 2] = np.nan
    content["given"]["logits"] = array(logits)


REFUSED = {
    "a contract of a newer schema": (lambda one: _contract(one, schema=2), "schema 2, this version expects 1"),
    "another contract than the manifest's": (lambda one: _contract(one, threshold=1.5), "is not its manifest's"),
    "no contract": (lambda one: one["metadata"].clear(), "carries no contract"),
    "another input": (lambda one: one.update(inputs={"x": [8, 8]}), 'takes "x: an image", expected "image: an image"'),
    "an input of another size": (lambda one: one.update(inputs={"image": [8, 16]}), "8 × 16, its contract says"),
    "another output": (lambda one: one.update(outputs={"y": [1]}), 'gives "y", expected "logits"'),
    "logits of another shape": (
        lambda one: one.update(outputs={"logits": [1, 3, 8, 8]}),
        "1 × 3 × 8 × 8, its contract",
    ),
    "logits that do not come": (lambda one: one.update(given={}), 'gives nothing, expected "logits"'),
    "logits that come in another shape": (_cut, "its contract says 1 × 1"),
    "logits in float64": (_double, "type float64, expected float16 or float32"),
    "logits that are no numbers": (_nan, "logits hold nan at channel 0, row 1, column 2"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_app_refuses(what, app, given, tmp_path):
    alter, expected = REFUSED[what]

    said = app("self-test", altered(given, tmp_path, alter), given.parent / apps.GOLDEN)

    assert said.startswith("refused: ")
    assert expected in said
    assert len(said.splitlines()) == 1


DAMAGED = {
    "a truncated model": ("weights/weight.bin", lambda data: data[:-1], "is not the file that its manifest lists"),
    "a manifest cut off": (manifest.FILE, lambda data: data[: len(data) // 2], "manifest.json cannot be read"),
    "a newer manifest": (
        manifest.FILE,
        lambda data: data.replace(b'": 1', b'": 9', 1),
        "it has schema 9, this version",
    ),
    "a manifest that leads out": (
        manifest.FILE,
        lambda data: data.replace(b'"student-fp16.ml', b'"../student-fp16.ml'),
        "not a file beside it",
    ),
    "a model that is not there": (
        manifest.FILE,
        lambda data: data.replace(b"-fp16.mlpackage", b"-fp17.mlpackage"),
        "listed by its manifest, but is not there",
    ),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_the_app_refuses_the_files_of(what, app, given, tmp_path):
    end, damage, expected = DAMAGED[what]
    copy = shutil.copytree(given, tmp_path / given.name)
    file = copy / end if (copy / end).exists() else next(copy.rglob(Path(end).name))
    file.write_bytes(damage(file.read_bytes()))

    said = app("open", copy)

    assert said.startswith("refused: ")
    assert expected in said


def test_a_package_that_is_none_is_refused(app, tmp_path):
    (tmp_path / "empty.mlpackage").mkdir()

    assert "refused: empty.mlpackage is no model that Core ML can compile" in app("open", tmp_path)


def test_cameras_turn_as_phones_are_built(app):
    turns = {hold: (int(back), int(front)) for hold, back, front in map(str.split, app("turns").splitlines())}

    # What is seen of six pixels as stored, by EXIF's number.
    stored = np.array([[0, 1, 2], [3, 4, 5]])
    seen = {1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1]}
    seen |= {5: stored.T, 6: stored[::-1].T, 7: stored[::-1, ::-1].T, 8: stored[:, ::-1].T}
    back = {hold: seen[number] for hold, (number, _) in turns.items()}
    front = {hold: seen[number] for hold, (_, number) in turns.items()}
    assert np.array_equal(back["right"], stored)
    # A quarter turn of the phone, clockwise to its user, turns what its back camera stores the other way round.
    for before, after in (("right", "bottom"), ("bottom", "left"), ("left", "top"), ("top", "right")):
        assert np.array_equal(back[after], np.rot90(back[before], -1))
    # The front camera is upright when the back one is upside down; what is shown of it is a mirror image.
    for hold, other in (("bottom", "bottom"), ("top", "top"), ("right", "left"), ("left", "right")):
        assert np.array_equal(front[hold], back[other][:, ::-1])


# --- the Xcode project ---


GENERATED = {
    "INFOPLIST_KEY_" + key
    for key in (
        *("CFBundleDisplayName", "LSSupportsOpeningDocumentsInPlace", "NSCameraUsageDescription"),
        *("UIApplicationSceneManifest_Generation", "UILaunchScreen_Generation"),
        *("UISupportedInterfaceOrientations_iPad", "UISupportedInterfaceOrientations_iPhone"),
    )
}
"""Settings that Xcode writes into a generated Info.plist. Any other of the kind, such as UIFileSharingEnabled's, it
drops without a word: such a key belongs into INFOPLIST_FILE. https://developer.apple.com/documentation/xcode/build-settings-reference
"""


def problems(project):
    """What is wrong with an Xcode project: identifiers that lead nowhere, or not led to; missing files, lost keys."""
    from pbxproj import XcodeProject

    read = XcodeProject.load(str(project))
    sections = read.objects.get_sections()
    objects = {str(one.get_id()): one for name in sections for one in read.objects.get_objects_in_section(name)}
    led_to = set(re.findall(r"\b[0-9A-F]{24}\b", str(read.rootObject)))
    wrong = []
    for one in objects.values():
        for key in one.get_keys():
            led_to |= set(re.findall(r"\b[0-9A-F]{24}\b", str(one[key])))
        path = one["relativePath"] if one.isa == "XCLocalSwiftPackageReference" else one["path"]
        if path and one["sourceTree"] != "BUILT_PRODUCTS_DIR" and not (project.parent.parent / path).exists():
            wrong.append(f"{one.isa} {path} is not there")
        for key, value in one["buildSettings"].__dict__.items() if one.isa == "XCBuildConfiguration" else ():
            if key.startswith("INFOPLIST_KEY_") and key not in GENERATED:
                wrong.append(f"{key} is not among the settings that reach Info.plist")
            if key == "INFOPLIST_FILE" and not (project.parent.parent / value).is_file():
                wrong.append(f"INFOPLIST_FILE {value} is not there")
    wrong += [f"{name} leads nowhere" for name in sorted(led_to - set(objects))]
    return wrong + [f"nothing leads to {name}" for name in sorted(set(objects) - led_to)]


def test_the_xcode_project_is_whole():
    assert problems(PROJECT) == []


@pytest.mark.parametrize(("right", "wrong", "said"), planted.PROJECT.values(), ids=planted.PROJECT)
def test_the_check_of_the_project_sees(right, wrong, said, tmp_path):
    for name in ("Pocketmask", "Models", "SegPost"):
        (tmp_path / name).mkdir()
    for name in ("README.md", "Info.plist"):
        (tmp_path / name).touch()
    project = tmp_path / "Pocketmask.xcodeproj/project.pbxproj"
    project.parent.mkdir()
    text = PROJECT.read_text()
    project.write_text(text)
    assert problems(project) == []
    assert right in text

    project.write_text(text.replace(right, wrong, 1))

    assert any(said in problem for problem in problems(project))


def test_the_project_and_its_recipe_for_xcodegen_say_the_same():
    from pbxproj import XcodeProject

    said = yaml.safe_load((SAMPLE / "project.yml").read_text())["targets"]["Pocketmask"]["settings"]
    targets = list(XcodeProject.load(str(PROJECT)).objects.get_configurations_on_targets("Pocketmask"))
    assert {one.name for one in targets} == {"Debug", "Release"}
    for one in targets:
        for key, value in said.items():
            expected = {True: "YES", False: "NO"}[value] if isinstance(value, bool) else str(value)
            assert str(one.buildSettings[key]) == expected, key
