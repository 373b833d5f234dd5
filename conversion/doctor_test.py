import json
import sys

from click.testing import CliRunner

from conversion import doctor
from conversion.__main__ import main
from conversion.doctor import CHECKS, Check, imported, run_checks, toolchain
from training.student.installation import install_command


def test_what_is_there_is_named_by_version_and_what_is_missing_by_its_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    by_name = {check.name: check for check in CHECKS}

    there, missing = run_checks((by_name["ONNX Runtime"], by_name["videos"]))

    assert there.found.startswith("onnxruntime 1.")
    assert (there.why, there.install) == ("", "")
    assert (missing.found, missing.install) == ("", install_command("av"))
    assert "av" in missing.why


def test_a_check_that_breaks_is_told_and_the_next_goes_on():
    def breaks():
        raise RuntimeError

    first, second = run_checks((Check("train", "broken", breaks, "mend it"), Check("train", "fine", lambda: "1.0", "")))

    assert (first.why, first.install) == ("RuntimeError", "mend it")
    assert second.found == "1.0"
    assert "✗ broken  RuntimeError → mend it" in doctor.as_text([first, second])


def test_an_app_s_toolchain_speaks_for_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    for name, script in (("has", "echo 6.1"), ("lacks", "echo 'toolchain.sh: no Swift here: get one' >&2; exit 1")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "toolchain.sh").write_text(script)

    checks = [Check("apps", name, toolchain(name), "") for name in ("has", "lacks", "absent")]
    found = run_checks(tuple(checks))

    assert [(one.found, one.why) for one in found] == [
        ("6.1", ""),
        ("", "no Swift here: get one"),
        ("", "absent is not in this clone"),
    ]


def test_the_command_says_it_to_people_and_to_programs(monkeypatch):
    """With one check that is needed and one that is not, since all of them take seconds."""
    fails = Check("train", "needed", imported("no_such_module"), "install it", is_needed=True)
    monkeypatch.setattr(doctor, "CHECKS", (fails, Check("show", "other", lambda: "1.0", "")))

    text, plain = (CliRunner().invoke(main, ["doctor", *options]) for options in ((), ("--json",)))

    assert (text.exit_code, plain.exit_code) == (2, 2)
    assert "No module named 'no_such_module' → install it" in text.stdout
    assert "needed is missing" in text.stderr
    assert [one["name"] for one in json.loads(plain.stdout)["result"]["checks"]] == ["needed", "other"]


def test_everything_that_this_repository_is_tested_with_is_here():
    needed = [check for check in CHECKS if check.is_needed]

    assert [finding.why for finding in run_checks(tuple(needed))] == [""] * len(needed)
    assert all(check.install for check in CHECKS)
