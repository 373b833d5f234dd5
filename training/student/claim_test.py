import signal

import pytest

from training.student.claim import claim
from training.student.errors import BadInput


@pytest.mark.parametrize("name", ["", "bench.json"])
def test_a_second_process_is_refused_and_told_by_whom(tmp_path, claimed_elsewhere, name):
    first = claimed_elsewhere(tmp_path / "run", name)

    with pytest.raises(BadInput, match=f"run.*{name} is in use by process {first.pid};"), claim(tmp_path / "run", name):
        pass

    assert (tmp_path / "run").is_dir()


def test_another_name_in_the_folder_is_another_claim(tmp_path, claimed_elsewhere):
    claimed_elsewhere(tmp_path / "run", "bench.json")

    with claim(tmp_path / "run", "evaluation-held-out"), claim(tmp_path / "run"):
        pass


def test_a_killed_process_claims_nothing(tmp_path, claimed_elsewhere):
    first = claimed_elsewhere(tmp_path / "run")
    first.send_signal(signal.SIGKILL)
    first.wait()

    with claim(tmp_path / "run"):
        (tmp_path / "run" / "result").touch()

    assert [path.name for path in (tmp_path / "run").iterdir()] == ["result"]


def test_what_was_refused_or_made_nothing_leaves_nothing(tmp_path):
    with claim(tmp_path / "runs" / "mobile"):
        assert (tmp_path / "runs" / "mobile").is_dir()

    assert not list(tmp_path.iterdir())


def test_a_name_of_any_length_can_be_claimed(tmp_path):
    with claim(tmp_path, "n" * 255):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(BadInput, match=r"cannot write to .*file"), claim(tmp_path / "file" / "run"):
        pass
