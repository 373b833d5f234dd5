import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.data.dropped import FILE, HEAD, as_line, read_dropped_list, write_dropped_list
from training.student.errors import BadInput

NAMES = ("coin", "coin #2", "#1", "café", "IMG_0042", "a.b")


def dropped(folder, names=NAMES):
    return [line.name for line in read_dropped_list(folder, names) if line.name is not None]


def listing(folder, text):
    (folder / FILE).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_without_a_list_nothing_is_dropped(tmp_path):
    assert read_dropped_list(tmp_path, NAMES) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("coin\n", ["coin"]),
        ("coin", ["coin"]),
        ("\ufeffcoin\r\n\r\nIMG_0042\r\n", ["coin", "IMG_0042"]),
        ("# all of it\n  coin  \n\t# nothing\n", ["coin"]),
        ("coin# blurred\nIMG_0042 # and so is coin\n", ["coin", "IMG_0042"]),
        ("coin #2\n", ["coin #2"]),
        ("coin #2 # not a coin\n", ["coin #2"]),
        ("coin #3\n", ["coin"]),
        ("#1\n#2\n#1 # see #2\n", ["#1", "#1"]),
        ("cafe\u0301  # spelt in two code points\n", ["café"]),
    ],
)
def test_a_line_names_the_longest_photo_that_it_begins_with(tmp_path, text, names):
    assert dropped(listing(tmp_path, text)) == names


def test_comments_and_spacing_are_kept_for_whoever_writes_the_list_again(tmp_path):
    text = "# by hand\n\n coin  # blurred\n"

    assert "".join(f"{line.text}\n" for line in read_dropped_list(listing(tmp_path, text), NAMES)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("coin\nIMG_042 # blurred", r"line 2, names 'IMG_042', which is not a photo of .*; did you mean 'IMG_0042'\?"),
        ("con", r"did you mean 'coin' or 'coin #2'\?"),
        ("something else", "a name is a file's, without its suffix"),
        (b"\xff\xfe", "expected UTF-8 text"),
    ],
)
def test_a_name_that_is_no_photo_is_refused_with_those_that_are_near(tmp_path, text, message):
    with pytest.raises(BadInput, match=message):
        read_dropped_list(listing(tmp_path, text), NAMES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sets(st.text(alphabet="ab#é \u2028\"'<", min_size=1, max_size=5), min_size=1), st.text(max_size=20))
def test_whatever_a_photo_is_called_and_why_it_is_dropped_it_is_read_again(tmp_path, names, reason):
    names = {name.strip() for name in names} - {""}
    for name in names:
        listing(tmp_path, as_line(name, reason, names))

        assert dropped(tmp_path, names) == [name]


@pytest.mark.parametrize("name", ["two\nlines", " before", "after ", "re\rturned"])
def test_a_name_that_no_line_can_hold_is_refused(name):
    with pytest.raises(BadInput, match="rename the photo"):
        as_line(name, "", [name])


def test_a_list_is_written_with_its_reasons_and_again_without_asking(tmp_path):
    for _ in range(2):
        write_dropped_list(tmp_path, {"coin": "ragged\nborder", "#1": "empty"}, NAMES)

    assert (tmp_path / FILE).read_text() == f"{HEAD}\ncoin  # ragged border\n#1  # empty\n"
    assert dropped(tmp_path) == ["coin", "#1"]


def test_another_list_is_replaced_only_when_told_so(tmp_path):
    listing(tmp_path, "# mine\na.b\n")

    with pytest.raises(BadInput, match=r"exists and drops 1 of 6 photos; move it away, or use --replace"):
        write_dropped_list(tmp_path, {"coin": "empty"}, NAMES)
    assert dropped(tmp_path) == ["a.b"]

    write_dropped_list(tmp_path, {"coin": "empty"}, NAMES, replace=True)
    assert dropped(tmp_path) == ["coin"]
