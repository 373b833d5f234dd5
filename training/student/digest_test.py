import hashlib

import pytest

from training.student.digest import sha256


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"pocketmask")

    assert sha256(tmp_path / "a") == hashlib.sha256(b"pocketmask").hexdigest()


def test_the_digest_of_a_folder_sees_names_and_bytes(tmp_path):
    for name, file, text in (("a", "x", "1"), ("b", "x", "1"), ("c", "y", "1"), ("d", "x", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(text)

    assert sha256(tmp_path / "a") == sha256(tmp_path / "b")
    assert len({sha256(tmp_path / name) for name in "acd"}) == 3


def test_nothing_has_no_digest(tmp_path):
    with pytest.raises(FileNotFoundError):
        sha256(tmp_path / "missing")
