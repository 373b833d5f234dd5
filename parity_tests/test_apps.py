"""What `make apps` gives to the sample apps: only what passed its gate, whole, and the same each time."""

import json
import os
import shutil

import pytest

from conversion import apps
from conversion.artefact import manifest
from conversion.golden.vectors import VECTOR_FILES
from training.run import Run
from training.student.digest import sha256
from training.student.errors import BadInput, ParityBreached


@pytest.fixture
def copied(verified, tmp_path):
    """The run, free to be changed, and a repository with an iOS app alone."""
    (tmp_path / "ios_sample").mkdir()
    return Run(shutil.copytree(verified.run.folder, tmp_path / "run"))


def test_what_has_not_passed_its_gate_is_refused_unless_forced(copied, tmp_path):
    file = copied.export / manifest.FILE
    file.write_text(file.read_text().replace('"gate": "passed"', '"gate": "breached"'))

    with pytest.raises(ParityBreached, match="breached"):
        apps.copy_to_apps(copied, tmp_path)
    assert not (tmp_path / "ios_sample/Models").exists()

    (folder,) = apps.copy_to_apps(copied, tmp_path, is_forced=True)
    assert {one.gate for one in manifest.read(folder).artefacts.values()} == {"breached"}


def test_an_artefact_that_is_not_the_manifests_is_refused_even_when_forced(copied, tmp_path):
    (package,) = copied.export.glob("*fp16.mlpackage")
    (package / "Manifest.json").write_text("{}")

    with pytest.raises(BadInput, match="not the artefact that the manifest lists"):
        apps.copy_to_apps(copied, tmp_path, is_forced=True)


def test_each_app_gets_its_artefacts_with_all_that_belongs_to_them_and_twice_the_same(copied, tmp_path):
    (tmp_path / "android_sample/app").mkdir(parents=True)

    given = apps.copy_to_apps(copied, tmp_path)

    def digests():
        return {path: sha256(path) for root in given for path in root.parent.rglob("*") if path.is_file()}

    before = digests()
    assert given == [tmp_path / "ios_sample/Models/run", tmp_path / "android_sample/app/src/main/assets/run"]
    for folder, name in zip(given, ("coreml-fp16", "tflite-fp16"), strict=True):
        listed = manifest.read(folder)
        (artefact,) = listed.artefacts.values()
        lie = {artefact.file, manifest.FILE, apps.CLASSES, apps.SELF_TEST}
        assert {path.name for path in folder.iterdir()} == lie
        assert sha256(folder / artefact.file) == artefact.sha256
        assert (folder / apps.CLASSES).read_text().split("\n")[:-1] == list(listed.contract.classes)
        assert [one["name"] for one in json.loads((folder / apps.SELF_TEST).read_text())["vectors"]] == [name]
        assert {path.stem for path in (folder.parent / apps.GOLDEN).iterdir()} == set(VECTOR_FILES)
    assert apps.copy_to_apps(copied, tmp_path) == given
    assert digests() == before


def test_the_newest_run_is_the_one_last_exported_or_verified(copied, tmp_path):
    with pytest.raises(BadInput, match="has been exported; make one with `make mobile`"):
        apps.newest_run(tmp_path / "nowhere")
    older = shutil.copytree(copied.folder, tmp_path / "runs/older")
    newer = shutil.copytree(copied.folder, tmp_path / "runs/newer")
    (tmp_path / "runs/never-exported").mkdir()
    for folder, seconds in ((older, 1), (newer, 2)):
        os.utime(Run(folder).export / manifest.FILE, (seconds, seconds))

    assert apps.newest_run(tmp_path / "runs") == Run(newer)


@pytest.mark.parametrize(("names", "said"), [(["watch"], "unknown app 'watch'"), (["android"], "no sample app at")])
def test_an_app_that_is_not_there_is_named(names, said, copied, tmp_path):
    with pytest.raises(BadInput, match=said):
        apps.copy_to_apps(copied, tmp_path, names)
