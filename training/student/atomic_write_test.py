import errno
import os

import pytest

from training.student.atomic_write import atomic_path, write_text
from training.student.errors import BadInput


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_text_is_written_where_no_folder_was_yet(tmp_path):
    write_text(tmp_path / "runs" / "a" / "metrics.json", "café\n")

    assert (tmp_path / "runs" / "a" / "metrics.json").read_bytes() == "café\n".encode()
    assert entries(tmp_path / "runs" / "a") == ["metrics.json"]


def test_nobody_sees_the_new_before_it_is_whole(tmp_path):
    path = tmp_path / "metrics.json"
    write_text(path, "old")

    with atomic_path(path) as temporary:
        temporary.write_text("half")
        assert path.read_text() == "old"
        temporary.write_text("new")

    assert path.read_text() == "new"
    assert entries(tmp_path) == ["metrics.json"]


def make(path, kind, content):
    if kind == "folder":
        path.mkdir()
        path /= "weights.bin"
    path.write_text(content)


def content(path):
    return (path / "weights.bin" if path.is_dir() else path).read_text()


@pytest.mark.parametrize("old", ["file", "folder"])
@pytest.mark.parametrize("new", ["file", "folder"])
def test_a_file_or_folder_takes_the_place_of_either(tmp_path, old, new):
    path = tmp_path / "model.mlpackage"
    make(path, old, "old")

    with atomic_path(path) as temporary:
        make(temporary, new, "new")

    assert content(path) == "new"
    assert path.is_dir() == (new == "folder")
    assert entries(tmp_path) == ["model.mlpackage"]


@pytest.mark.parametrize("old", ["file", "folder"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_an_error_leaves_the_old_as_it_was_and_nothing_else(tmp_path, old, error):
    path = tmp_path / "model"
    make(path, old, "old")

    def fail():
        with atomic_path(path) as temporary:
            make(temporary, old, "half")
            raise error

    with pytest.raises(error):
        fail()

    assert content(path) == "old"
    assert entries(tmp_path) == ["model"]


@pytest.mark.parametrize("old", ["file", "folder"])
def test_a_block_that_writes_nothing_loses_nothing(tmp_path, old):
    path = tmp_path / "model"
    make(path, old, "old")

    with pytest.raises(FileNotFoundError), atomic_path(path):
        pass

    assert content(path) == "old"
    assert entries(tmp_path) == ["model"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_says_so_and_what_to_do(tmp_path, code):
    def fill():
        with atomic_path(tmp_path / "model"):
            raise OSError(code, os.strerror(code))

    with pytest.raises(BadInput, match=r"no space left to write .*model; free some"):
        fill()

    assert not entries(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has these permissions")
def test_others_may_read_what_a_library_kept_to_itself(tmp_path):
    with atomic_path(tmp_path / "weights") as temporary:
        temporary.touch(mode=0o600)

    (tmp_path / "plain").touch()
    assert (tmp_path / "weights").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_folder_that_is_a_file_cannot_be_written_into(tmp_path):
    (tmp_path / "runs").write_text("")

    with pytest.raises(BadInput, match=r"cannot write .*metrics\.json"):
        write_text(tmp_path / "runs" / "metrics.json", "")
