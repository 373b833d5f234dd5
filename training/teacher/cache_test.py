import gc
import shutil
import sys

import numpy as np
import pytest

from training.student.errors import BadInput
from training.teacher import cache
from training.teacher.cache import CachedFindings, FindingsCache
from training.teacher.phrases import parse_phrases
from training.teacher.protocol import Findings, Settings
from training.teacher.sidecar import provenance

KEPT = CachedFindings(
    Findings((3, 5), {"size": np.arange(3), "masks": np.packbits(np.eye(4, dtype=bool)), "words": np.array(["é"])}),
    0.25,
)
KEY = "ab" + "0" * 62


class Options(Settings):
    decide_only = frozenset({"threshold"})
    threshold: float = 0.5
    side: int = 512


class Teacher:
    name = "some"

    def __init__(self, phrase="coin", weights=None, **options):
        self.phrases = parse_phrases([phrase])
        self.settings = Options(**options)
        self.weights = weights or {"hub/model": "cafe"}


def key_of(photo, teacher):
    return cache.findings_key(photo, provenance(teacher), teacher.settings.decide_only)


def test_findings_come_back_as_they_were(tmp_path):
    FindingsCache(tmp_path).put(KEY, KEPT)

    found = FindingsCache(tmp_path).get(KEY)

    assert (found.findings.size, found.seconds) == (KEPT.findings.size, KEPT.seconds)
    assert found.findings.arrays.keys() == KEPT.findings.arrays.keys()
    for name, array in KEPT.findings.arrays.items():
        assert found.findings.arrays[name].dtype == array.dtype
        assert np.array_equal(found.findings.arrays[name], array)
    assert FindingsCache(tmp_path).get("cd" + "0" * 62) is None


def test_findings_cut_short_or_changed_at_any_byte_are_absent_or_the_same(tmp_path):
    FindingsCache(tmp_path).put(KEY, KEPT)
    path = FindingsCache(tmp_path).path(KEY)
    whole = path.read_bytes()

    absent = 0
    for place in range(0, len(whole), 11):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]):
            path.write_bytes(damaged)
            found = FindingsCache(tmp_path).get(KEY)
            absent += found is None
            if found:
                assert found.findings.arrays["masks"].tobytes() == KEPT.findings.arrays["masks"].tobytes()

    assert absent > len(whole) / 11


def test_a_full_disk_is_said_once_and_leaves_nothing(small_disk, monkeypatch):
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    (small_disk / "film.mov").write_bytes(bytes(shutil.disk_usage(small_disk).free))

    with pytest.raises(BadInput, match="no space left to write"):
        FindingsCache(small_disk).put(KEY, KEPT)
    gc.collect()

    assert not complaints
    assert [path for path in small_disk.rglob("*") if path.is_file()] == [small_disk / "film.mov"]


def test_a_pickle_is_neither_written_nor_loaded(tmp_path):
    objects = np.array([{}], object)
    with pytest.raises(TypeError, match="findings boxes hold objects"):
        FindingsCache(tmp_path).put(KEY, CachedFindings(Findings((1, 1), {"boxes": objects}), 0))
    path = FindingsCache(tmp_path).path(KEY)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, size=(1, 1), seconds=0.0, _boxes=objects)

    assert FindingsCache(tmp_path).get(KEY) is None


def test_a_key_depends_on_all_that_looking_does_and_on_nothing_else():
    base = key_of("photo", Teacher())

    assert key_of("photo", Teacher(threshold=0.9)) == base
    others = [
        key_of("another", Teacher()),
        key_of("photo", Teacher(side=256)),
        key_of("photo", Teacher("medal")),
        key_of("photo", Teacher("coin=coin,medal")),
        key_of("photo", Teacher(weights={"hub/model": "beef"})),
    ]
    assert len({base, *others}) == 6
