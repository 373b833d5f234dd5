import os
import re
import signal
import time
from dataclasses import dataclass

import pytest

from training.student.bounded_read import (
    MOST_DEPTH,
    as_type,
    brief,
    parse_json,
    parse_yaml,
    read_bytes,
    read_csv,
    read_json,
    read_text,
)
from training.student.errors import BadInput, escaped

REMEDY = "make it again"


def refusal(read, *arguments):
    with pytest.raises(BadInput) as raised:
        read(*arguments)
    message = str(raised.value)
    assert len(message) < 600
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "Expecting value: line 1 column 1"),
        (b'{"a": 1,\n"b": }', "line 2 column 6"),
        (b'{"a": "caf\xe9"}', "run.json, line 1, is not UTF-8 text"),
        (b"\xff\xfe{\0}\0", "is not UTF-8 text"),
        (b"[" * 100_000, "it nests too deeply"),
        (b'{"a":' * 100_000, "it nests too deeply"),
        (b"9" * 5000, "a number of 5000 digits"),
        (b"NaN", "NaN is no number of JSON"),
        (b"[-Infinity]", "-Infinity is no number of JSON"),
        (b"1e999", "1e999 is too large a number"),
        (b'{"a": 1, "a": 2}', "the key 'a' comes twice"),
    ],
)
def test_what_is_no_json_is_refused_in_a_line_that_names_file_and_place(tmp_path, text, says):
    path = tmp_path / "run.json"
    path.write_bytes(text)

    message = refusal(read_json, path, REMEDY)

    assert says in message
    assert str(path) in message
    assert message.endswith(REMEDY)


def test_json_that_python_wrote_of_numbers_that_are_not_finite_is_read_where_that_is_asked_for():
    assert parse_json("[Infinity, 1e999, 3]", "it", REMEDY, finite=False) == [float("inf"), float("inf"), 3]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1\nb: 2", "line 2, column 2"),
        (b"a: \xff", "line 1, is not UTF-8"),
        ("2024-13-45", "month must be in 1..12"),
        ("!!int x", "invalid literal"),
        ("!!float x", "could not convert"),
        ("!!timestamp x", "NoneType"),
        ("!!bool x", "'x'"),
        ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("9" * 5000, "a number of 5000 digits"),
        ("[" * 3000, f"it nests deeper than {MOST_DEPTH}"),
        ("[" * 200_000, f"it nests deeper than {MOST_DEPTH}"),
        ("a: &x [1]\nb: *x", "line 2, column 4: an alias"),
        ("a: 1\na: 2", "the key 'a' comes twice"),
        ("? [1]\n: 2", "unhashable"),
        ("a" * 300_000, "larger than 256 KiB"),
    ],
)
def test_what_is_no_yaml_is_refused_in_a_line(text, says):
    began = time.perf_counter()

    assert says in refusal(parse_yaml, text, "mine.yaml")

    assert time.perf_counter() - began < 5


def test_yaml_of_plain_values_is_read():
    assert parse_yaml("a: [1, 0x10, 1.5, yes, null]\n'b c': {d: e}", "it") == {
        "a": [1, 16, 1.5, True, None],
        "b c": {"d": "e"},
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [(b"a,b\n1\n", "line 2, has another"), (b"a\n1,2\n", "line 2, has"), (b"a\n\xff", "line 2, is not UTF-8")],
)
def test_what_is_no_csv_is_refused(tmp_path, text, says):
    (tmp_path / "metrics.csv").write_bytes(text)

    assert says in refusal(read_csv, tmp_path / "metrics.csv", REMEDY)


def test_a_value_of_another_type_is_refused_by_its_place():
    @dataclass
    class Record:
        data: dict[str, int]

    assert as_type(Record, {"data": {"a": 1}}, "it", REMEDY) == Record({"a": 1})
    assert "run.json is not what it should be (data:" in refusal(as_type, Record, {"data": None}, "run.json", REMEDY)
    assert "(data.a:" in refusal(as_type, Record, {"data": {"a": "x" * 10_000}}, "it", REMEDY)
    assert "(it:" in refusal(as_type, Record, [], "it", REMEDY)


def test_a_pipe_a_device_and_a_folder_are_refused_without_waiting_for_them(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    signal.alarm(5)
    try:
        assert "it is a pipe, expected a file" in refusal(read_text, tmp_path / "pipe", REMEDY)
        assert "it is a folder" in refusal(read_text, tmp_path, REMEDY)
        (tmp_path / "link").symlink_to("/dev/zero")
        assert "it is a device" in refusal(read_text, tmp_path / "link", REMEDY)
    finally:
        signal.alarm(0)


def test_no_more_is_read_than_allowed(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 2049)

    assert "is larger than 2 KiB" in refusal(read_bytes, tmp_path / "file", REMEDY, 2048)


def test_what_a_terminal_would_obey_is_spelled_out():
    name = "caf\udce9 \x1b[31m\u2028a\nb\u202e.jpg"

    assert escaped(name) == r"caf\udce9 \x1b[31m\u2028a\nb\u202e.jpg"
    assert escaped("é 中 🙂\u202fx") == "é 中 🙂\u202fx"
    assert re.fullmatch(r"x{120}…", brief("x" * 10**6))
