import pytest

from training.data.html_page import data_url_of_file
from training.student.errors import BadInput


def test_a_picture_that_is_gone_is_one_line(tmp_path):
    (tmp_path / "there.png").write_bytes(b"png")

    assert data_url_of_file(tmp_path / "there.png") == "data:image/png;base64,cG5n"
    with pytest.raises(BadInput, match=r"cannot read .*gone\.jpg: No such file.*; run the command that draws it again"):
        data_url_of_file(tmp_path / "gone.jpg")
