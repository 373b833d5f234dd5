import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest

from training.student import temporary
from training.student.atomic_write import atomic_path
from training.student.temporary import PREFIX, sweep, temporary_folder


def left(folder):
    return sorted(path.name for path in folder.rglob(f"{PREFIX}*"))


WRITER = """
import sys, time
from pathlib import Path
from training.student.atomic_write import atomic_path
path = Path(sys.argv[1])
with atomic_path(path) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def writer(tmp_path):
    """Another process, in the middle of writing `model`."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "model"], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"writing\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_what_another_process_is_writing_stays(tmp_path, writer):
    before = left(tmp_path)

    sweep(tmp_path)

    assert left(tmp_path) == before != []


def test_what_a_killed_process_was_writing_goes(tmp_path, writer):
    writer.send_signal(signal.SIGKILL)
    writer.wait()

    sweep(tmp_path)

    assert not list(tmp_path.iterdir())


def test_the_next_write_into_the_folder_sweeps_it(tmp_path, writer, monkeypatch):
    monkeypatch.setattr(temporary, "_SWEPT", set())
    writer.send_signal(signal.SIGKILL)
    writer.wait()

    with atomic_path(tmp_path / "other") as path:
        path.write_text("whole")

    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def abandoned(folder, owner):
    """As a process leaves it that is no more; `owner` stands in its lock."""
    found = folder / f"{PREFIX}12345678"
    found.mkdir()
    (found / "lock").write_text(owner)
    (found / "half").write_text("half")
    return found


def test_a_reused_process_number_keeps_nothing_alive(tmp_path):
    abandoned(tmp_path, f"{temporary.machine()} {os.getpid()}")

    sweep(tmp_path)

    assert not left(tmp_path)


def make_old(folder, seconds):
    for path in (*folder.iterdir(), folder):
        os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.parametrize("owner", ["another-machine 7", ""])
def test_what_no_lock_speaks_for_stays_until_it_has_not_changed_for_a_day(tmp_path, owner):
    found = abandoned(tmp_path, owner)
    make_old(found, temporary.DAY - 60)

    sweep(tmp_path)
    assert found.exists()

    make_old(found, temporary.DAY + 60)
    sweep(tmp_path)
    assert not found.exists()


def test_a_file_system_without_locks_loses_nothing(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)

    with temporary_folder(tmp_path) as folder:
        (folder / "half").write_text("half")
        sweep(tmp_path)
        assert (folder / "half").exists()

    assert not left(tmp_path)


def test_a_folder_is_swept_even_before_its_owner_could_lock_it(tmp_path):
    (tmp_path / f"{PREFIX}87654321").mkdir()

    sweep(tmp_path)

    assert not left(tmp_path)


def test_a_link_leads_nowhere(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"{PREFIX}12345678").symlink_to(elsewhere)
    (elsewhere / "lock").write_text(temporary.machine())
    make_old(elsewhere, 2 * temporary.DAY)

    sweep(tmp_path)

    assert (elsewhere / "lock").exists()


def test_the_old_comes_back_where_a_process_was_killed_between_old_and_new(tmp_path):
    found = abandoned(tmp_path, f"{temporary.machine()} 1")
    (found / "old" / "model.mlpackage").mkdir(parents=True)

    sweep(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["model.mlpackage"]


def test_a_forked_process_does_not_keep_its_parent_s_locks(tmp_path):
    reading, writing = os.pipe()
    with temporary_folder(tmp_path) as folder:
        child = os.fork()
        if not child:
            os.write(writing, b"!")
            time.sleep(60)
            os._exit(0)
        try:
            os.read(reading, 1)
            os.close(next(iter(temporary._LOCKED)))  # as the end of this process does
            sweep(tmp_path)
            assert not folder.exists()
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
