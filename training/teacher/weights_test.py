import json
import shutil
import time
from pathlib import Path

import huggingface_hub
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from training.__main__ import main
from training.student.errors import BadInput
from training.teacher.adapt import Options as Adapting
from training.teacher.segmenters import SEGMENTERS
from training.teacher.teachers import TEACHERS
from training.teacher.weights import REVISIONS, find_weights

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def copied(saved, tmp_path):
    """A folder of a tiny SAM that may be spoilt."""
    return Path(shutil.copytree(saved("sam"), tmp_path / "sam"))


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The hub's cache, empty, and no way to the hub."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def test_a_folder_is_recorded_file_by_file(saved):
    weights = find_weights("segmenter", saved("sam"), SEGMENTERS)

    record = weights.record()

    assert record["segmenter"] == saved("sam")
    assert {"segmenter/config.json", "segmenter/model.safetensors"} < record.keys()
    assert all(len(value) == 64 for name, value in record.items() if "/" in name)


def test_without_weights_and_network_one_line_says_what_to_fetch_and_where_to_put_it(hub):
    start = time.monotonic()
    with pytest.raises(BadInput) as caught:
        find_weights("segmenter", "facebook/sam-vit-base", SEGMENTERS)

    message = str(caught.value)
    assert "\n" not in message
    assert f"hf download facebook/sam-vit-base --revision {REVISIONS['facebook/sam-vit-base']}" in message
    assert "--local-dir FOLDER" in message
    assert "segmenter=FOLDER" in message
    assert caught.value.exit_code == 2
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("command", "repository", "option"),
    [
        ("label PHOTOS --phrase coin --teacher sam3", "facebook/sam3", "model"),
        ("label PHOTOS --phrase coin --teacher clipseg", "CIDAS/clipseg-rd64-refined", "model"),
        ("label PHOTOS --phrase coin --teacher grounded-sam", "IDEA-Research/grounding-dino-base", "detector"),
        ("label PHOTOS --phrase coin --teacher grounded-sam detector=DETECTOR", "facebook/sam-vit-base", "segmenter"),
        ("label PHOTOS --phrase coin --teacher grounded-sam detector=google/owlv2-base-patch16-ensemble",
         "google/owlv2-base-patch16-ensemble", "detector"),
        ("label PHOTOS --phrase coin --teacher grounded-sam detector=DETECTOR segmenter=facebook/sam2.1-hiera-large",
         "facebook/sam2.1-hiera-large", "segmenter"),
        ("tune clipseg --phrase coin --data PHOTOS", "CIDAS/clipseg-rd64-refined", "model"),
        ("adapt --data PHOTOS --out OUT", "facebook/sam-vit-base", "segmenter"),
    ],
)  # fmt: skip
def test_each_command_ends_in_that_line_and_writes_nothing(hub, saved, discs, tmp_path, command, repository, option):
    given = {"PHOTOS": str(discs.folder), "OUT": str(tmp_path / "a.safetensors")}
    words = [given.get(word, word) for word in command.replace("=DETECTOR", f"={saved('owlv2')}").split()]
    out = ["--out", str(tmp_path / "out")] if words[0] == "label" else []

    result = CliRunner().invoke(main, [*words, *out])

    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: no weights of {repository} here, and none from the hub (")
    assert f"hf download {repository} --revision {REVISIONS[repository]} --include " in line
    assert line.endswith(f"--local-dir FOLDER, and say {option}=FOLDER")
    assert not list(tmp_path.glob("out*")) + list(tmp_path.glob("a.*"))


@pytest.mark.parametrize("name", ["owner/name", f"owner/name@{COMMIT}"])
def test_what_the_hub_once_gave_is_taken_without_asking_and_by_its_commit(saved, hub, name):
    repository = hub / "models--owner--name"
    shutil.copytree(saved("sam"), repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)

    weights = find_weights("segmenter", name, SEGMENTERS)

    assert weights.origin == f"owner/name@{COMMIT}"
    assert weights.model_type == "sam"


def test_half_a_download_is_not_taken_for_the_whole(saved, hub):
    snapshot = hub / "models--owner--name" / "snapshots" / COMMIT
    shutil.copytree(saved("sam"), snapshot)
    (snapshot / "model.safetensors").unlink()

    with pytest.raises(BadInput, match="hf download owner/name"):
        find_weights("segmenter", f"owner/name@{COMMIT}", SEGMENTERS)


def test_every_repository_that_a_teacher_takes_by_itself_is_pinned_to_a_commit():
    defaults = {
        field.default
        for options in (*(entry.options() for entry in TEACHERS.values()), Adapting)
        for name, field in options.model_fields.items()
        if name in ("model", "detector", "segmenter")
    }

    assert len(defaults) == 4
    assert defaults <= REVISIONS.keys()
    assert all(len(revision) == 40 and int(revision, 16) for revision in REVISIONS.values())


def test_pickled_weights_are_refused(copied):
    state = load_file(copied / "model.safetensors")
    (copied / "model.safetensors").unlink()
    torch.save(state, copied / "pytorch_model.bin")

    with pytest.raises(BadInput, match=r"no \.safetensors file"):
        find_weights("segmenter", str(copied), SEGMENTERS)


def test_an_architecture_that_cannot_do_the_work_is_refused(saved):
    with pytest.raises(BadInput, match="is of kind 'owlv2', expected a segmenter of kind sam or"):
        find_weights("segmenter", saved("owlv2"), SEGMENTERS)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"cannot read .*config\.json: No such file"):
        find_weights("segmenter", str(tmp_path), SEGMENTERS)
    (tmp_path / "config.json").write_text(json.dumps([]))
    with pytest.raises(BadInput, match=r"config\.json is not what it should be .*hf download"):
        find_weights("segmenter", str(tmp_path), SEGMENTERS)
    with pytest.raises(BadInput, match="is not a folder"):
        find_weights("segmenter", str(tmp_path / "absent"), SEGMENTERS)


def test_without_the_libraries_one_line_says_how_to_install_them(saved, monkeypatch):
    folder = saved("sam")
    monkeypatch.setattr("training.teacher.weights.find_spec", lambda library: None if library == "peft" else library)
    with pytest.raises(BadInput, match=r"needs peft, which is not installed; run .*teachers"):
        find_weights("segmenter", folder, SEGMENTERS)
