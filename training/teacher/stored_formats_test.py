"""Labelled folders and adapters of earlier versions stay valid: keys, names and sidecars on disk must not change."""

import numpy as np
import pytest

from training.teacher import cache, classical
from training.teacher.adapt import AdaptResult
from training.teacher.cache import FindingsCache
from training.teacher.phrases import Phrase
from training.teacher.proposals import Boxes, Proposals
from training.teacher.sidecar import Sidecar, provenance, read_sidecar
from training.teacher.teachers import TEACHERS

KEYS = {
    "grounded-sam": "6ac6c220d6340112afb90ea9de72f1e6e7432b12e9702d07a0b252d543b80271",
    "sam3": "bf157146cb5efb77e04c528361d8e8c2526c6837795ea58e7e85898eee421206",
    "clipseg": "5d7ccc673f9a01302b75eda3a47a980b4b9da3355a8dcef1b7f237e26a0e993c",
    "classical": "c773a1c0e1e5bf9369c3521aaebb735dfe6b865cf99e6fedfccd838290bfc1f7",
    "student": "cd09dc392d42137f621fe912f7880d39963a816d0086326076e1259ccb022d99",
    "agreement": "0d864ef2ffd9734797dc5ef44870aa490b086787ac149a62136c10361061023e",
    "masks": "68176b8483911bb124fdc397c1eeef4feceb41f861ab71e43432e05022ccb689",
}
"""Of each teacher with default options. A key changes only with a default; then looking anew is right."""

GIVEN = {"agreement": {"of": ("a", "b")}, "masks": {"from": "m"}}

OLD_SIDECAR = """{
 "schema": 1,
 "photo": {"file": "a/b.jpg", "sha256": "abab", "rows": 24, "columns": 40},
 "teacher": "masks",
 "settings": {"from": "m"},
 "weights": {"w": "00"},
 "phrases": [{"name": "coin", "texts": ["coin", "medal"]}],
 "instances": [{"phrase": 0, "box": [3.0, 5.0, 11.0, 15.0], "box_score": 0.5, "mask_score": null}],
 "score": 0.75,
 "empty": false,
 "mask": "cdcd",
 "undecided": false,
 "seconds": 0.25,
 "made": "2026-01-02T03:04:05+00:00"
}
"""


class Named:
    """A teacher as far as its provenance goes."""

    phrases = (Phrase("coin", ("coin", "medal")),)

    def __init__(self, name):
        self.name = name
        self.weights = {"w": "00"}
        self.settings = TEACHERS[name].options().model_validate(GIVEN.get(name, {}))


def test_there_is_a_key_of_each_teacher():
    assert KEYS.keys() == TEACHERS.keys()


@pytest.mark.parametrize("name", KEYS)
def test_findings_that_an_earlier_version_cached_are_found_again(name):
    teacher = Named(name)

    assert cache.findings_key("ab" * 32, provenance(teacher), teacher.settings.decide_only) == KEYS[name]


def test_findings_in_the_form_of_an_earlier_version_are_read(tmp_path):
    path = tmp_path / "ab" / "ab00.npz"
    path.parent.mkdir()
    np.savez_compressed(path, size=(3, 5), seconds=0.25, count=1, _heat=np.arange(4))

    found = FindingsCache(tmp_path).get("ab00")

    assert (found.findings.size, found.seconds) == ((3, 5), 0.25)
    assert found.findings.arrays["heat"].tolist() == [0, 1, 2, 3]


def test_a_sidecar_of_an_earlier_version_is_read_matched_and_written_alike(tmp_path):
    path = tmp_path / "a-b.json"
    path.write_text(OLD_SIDECAR)

    found = read_sidecar(path)
    found.write(path)

    assert found.matches("abab", provenance(Named("masks")))
    assert found.instances[0].box == (3, 5, 11, 15)
    assert Sidecar.model_validate_json(OLD_SIDECAR) == found
    assert "".join(path.read_text().split()) == "".join(OLD_SIDECAR.split())


@pytest.mark.parametrize(
    ("shape", "names"),
    [("any", {"small", "things", "edges"}), ("ellipse", {"small", "shapes", "support", "covered"})],
)
def test_the_classical_teacher_names_its_findings_as_earlier_versions_did(shape, names):
    teacher = classical.build(classical.Options(shape=shape), Named.phrases, None, "cpu")

    assert teacher.look([np.zeros((64, 64, 3), np.uint8)])[0].arrays.keys() == names


def test_proposals_name_their_findings_as_earlier_versions_did():
    none = Boxes(np.zeros((0, 4), np.float32), np.zeros((0, 1), np.float32))

    found = Proposals((4, 4), none, [], np.zeros((0, 1), np.float32)).to_findings()

    assert found.arrays.keys() == {"boxes", "box_scores", "mask_scores", "windows", "bits"}


def test_an_adapter_names_its_facts_as_earlier_versions_did():
    assert list(AdaptResult(4, 100, 0.5, 0.75, 3).facts()) == ["rank", "parameters", "before", "after", "things"]
