from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from training import options
from training.student.errors import BadInput


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    least: int = 1
    most: Annotated[int, Field(le=9)] = 5

    @model_validator(mode="after")
    def _ordered(self):
        if self.least > self.most:
            raise ValueError(f"least={self.least} is above most={self.most}")
        return self


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("least: 2\n")
    return path


def test_what_is_overridden_holds_and_the_rest_is_the_file_s(file):
    assert options.read(Options, "some", file, ["most=3"]) == Options(least=2, most=3)


def test_an_unknown_key_is_looked_for_where_it_was_given(file):
    with pytest.raises(BadInput, match=r"^unknown some key 'mist' in KEY=VALUE; did you mean 'most'\?$"):
        options.read(Options, "some", file, ["mist=3"])
    file.write_text("mist: 3\n")
    with pytest.raises(BadInput, match=r"^unknown some key 'mist' in .*mine\.yaml; did you mean 'most'\?$"):
        options.read(Options, "some", file, ["most=3"])


@pytest.mark.parametrize(("overrides", "where"), [((), "mine.yaml"), (["most=1"], "mine.yaml and KEY=VALUE")])
def test_what_options_are_not_together_is_said_in_their_own_words(file, overrides, where):
    file.write_text("least: 7\n")
    most = 1 if overrides else 5

    with pytest.raises(BadInput) as refusal:
        options.read(Options, "some", file, overrides)

    assert str(refusal.value) == f"some {file.with_name(where)}: least=7 is above most={most}"


def test_a_value_that_does_not_fit_is_shown():
    with pytest.raises(BadInput, match=r"^some KEY=VALUE: most=10: Input should be less than or equal to 9$"):
        options.read(Options, "some", overrides=["most=10"])


def test_an_old_name_is_read_with_a_note_and_an_override_by_the_new_name_replaces_it(file, capsys):
    file.write_text("lowest: 2\n")
    renamed = {"lowest": "least", "highest": "most"}

    found = options.read(Options, "some", file, ["highest=4"], renamed)

    assert found == Options(least=2, most=4)
    assert capsys.readouterr().err == (
        f"note: {file}: lowest is now least; the next version reads the new names only\n"
        "note: KEY=VALUE: highest is now most; the next version reads the new names only\n"
    )
    assert options.read(Options, "some", file, ["least=3"], renamed) == Options(least=3)


def test_one_option_under_both_names_is_refused(file):
    with pytest.raises(BadInput, match=r"^KEY=VALUE gives both most and highest, its old name; leave highest out$"):
        options.read(Options, "some", file, ["highest=4", "most=5"], {"highest": "most"})
