import pytest

from training.student.errors import BadInput
from training.teacher.phrases import Phrase, check_classes, class_names, parse_phrases


def test_a_phrase_names_its_class_by_itself_or_by_a_name_of_its_own():
    assert parse_phrases(["coin"]) == (Phrase("coin", ("coin",)),)
    assert parse_phrases(["note=bank note, bill"]) == (Phrase("note", ("bank note", "bill")),)
    assert parse_phrases(["coin,medal"]) == (Phrase("coin", ("coin", "medal")),)


def test_one_phrase_is_a_binary_student_and_several_have_a_background():
    assert class_names(parse_phrases(["coin"])) == ("coin",)
    assert class_names(parse_phrases(["coin", "note=bank note"])) == ("background", "coin", "note")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "no phrase"),
        (["coin", "coin=medal"], "coin more than once"),
        (["=coin"], "not of the form"),
        (["coin="], "not of the form"),
        (["coin,,medal"], "not of the form"),
        (["background", "coin"], "another name"),
        ([f"thing {number}" for number in range(255)], "at most 254"),
    ],
)
def test_phrases_that_say_nothing_or_too_much_are_refused(given, message):
    with pytest.raises(BadInput, match=message):
        parse_phrases(given)


def test_phrases_must_make_the_classes_that_masks_have():
    check_classes(parse_phrases(["coin"]), ("foreground",), "here")
    check_classes(parse_phrases(["coin", "note"]), ("background", "coin", "note"), "here")
    for given, known in ((["coin"], ("background", "coin")), (["note", "coin"], ("background", "coin", "note"))):
        with pytest.raises(BadInput, match=f"here has the classes {', '.join(known)}, these phrases make"):
            check_classes(parse_phrases(given), known, "here")
