import errno
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from training.student.atomic_write import append_line, atomic_path, whole_lines, write_text
from training.student.errors import BadInput, OutOfSpace


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


def test_the_longest_name_can_be_written(tmp_path):
    write_text(tmp_path / ("n" * 255), "")

    assert entries(tmp_path) == ["n" * 255]


def test_an_error_of_a_library_on_a_full_disk_is_told_as_that(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=100))

    def fill():
        with atomic_path(tmp_path / "model"):
            raise RuntimeError("metadata written to another offset than expected")

    with pytest.raises(OutOfSpace, match=r"no space left to write .*model"):
        fill()


def test_a_file_of_a_folder_that_is_being_written_is_named_by_its_place(tmp_path):
    def fill():
        with atomic_path(tmp_path / "evaluation") as folder, atomic_path(folder / "figures.png"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OutOfSpace, match=re.escape(f"no space left to write {tmp_path}/evaluation/figures.png;")):
        fill()


WHOLE = '{"a": "é"}\n{"b": "中"}\n'.encode()


@pytest.mark.parametrize("torn", range(1, len(WHOLE)))
def test_a_line_is_appended_after_the_last_whole_one_wherever_the_file_was_torn(tmp_path, torn):
    path = tmp_path / "results.jsonl"
    path.write_bytes(WHOLE[:torn])
    whole = whole_lines(path)

    append_line(path, "é")

    assert whole_lines(path) == [*whole, "é".encode()]
    assert path.read_bytes().decode().splitlines() == [*(line.decode() for line in whole), "é"]


def test_a_torn_line_longer_than_a_block_goes_whole(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_bytes(b"a\n" + b"x" * 10_000)

    append_line(path, "b")

    assert path.read_bytes() == b"a\nb\n"


@pytest.mark.parametrize("room", range(0, 12))
def test_a_disk_that_fills_up_while_a_line_is_appended_leaves_the_lines_before(tmp_path, room):
    path = tmp_path / "results.jsonl"
    append_line(path, "first")
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from training.student.atomic_write import append_line\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))\n"
        "append_line(Path(sys.argv[1]), 'the second')\n"
    )

    found = subprocess.run(
        [sys.executable, "-c", script, path, str(6 + room)], capture_output=True, text=True, check=False
    )

    assert (found.returncode == 0) == (room >= 11)
    assert "OutOfSpace" in found.stderr or not found.returncode
    assert path.read_text() == ("first\n" if found.returncode else "first\nthe second\n")
