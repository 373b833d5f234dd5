import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.student.contract import CONVENTIONS, LONGEST_NAME, STRIDES, Contract
from training.student.errors import BadInput

COIN = Contract(256, 192, 4, ("coin",), threshold=0.3, open=3)
STREET = Contract(96, 128, 4, ("sky", "road"))


def test_shapes_follow_from_the_sizes():
    assert COIN.input_shape == (256, 192, 3)
    assert COIN.logits_shape == (1, 64, 48)
    assert COIN.is_binary
    assert STREET.logits_shape == (2, 24, 32)
    assert not STREET.is_binary


NAMES = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=LONGEST_NAME)


@settings(deadline=None)
@given(
    stride=st.sampled_from(STRIDES),
    logits=st.tuples(st.integers(1, 99), st.integers(1, 99)),
    classes=st.lists(NAMES, min_size=1, max_size=4, unique=True),
    threshold=st.floats(allow_nan=False, allow_infinity=False),
    radius=st.integers(0, 9),
)
def test_json_brings_back_what_was_written(stride, logits, classes, threshold, radius):
    binary = len(classes) == 1
    height, width = (length * stride for length in logits)
    opened = 2 * min(radius, (max(height, width) - 1) // 2) + 1
    contract = Contract(height, width, stride, tuple(classes), threshold if binary else 0.0, opened if binary else 0)

    assert Contract.from_json(contract.to_json()) == contract


def test_json_spells_the_conventions_out_for_readers_in_other_languages():
    found = json.loads(COIN.to_json())

    assert {key: found[key] for key in CONVENTIONS} == dict(CONVENTIONS)
    assert found["classes"] == ["coin"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": 3}, "stride 3 is unknown; expected one of 1, 2, 4, 8, 16"),
        ({"height": 258}, "height 258 is not a multiple of stride 4; use 256 or 260"),
        ({"width": 0}, "width 0 is not a multiple of stride 4; use 4 or 8"),
        ({"width": -8}, "width -8 is not a multiple of stride 4; use 4 or 8"),
        ({"classes": ()}, "must be one or more names"),
        ({"classes": ("",)}, "must be one or more names"),
        ({"classes": ("sky", "sky"), "threshold": 0.0, "open": 0}, "each its own"),
        ({"open": 4}, "open 4 must be 0 or odd, so that its ellipse has a centre; use 5"),
        ({"open": -3}, "open -3 must be 0 or odd, .*; use 0"),
        ({"threshold": float("nan")}, "threshold nan must be a finite number"),
        ({"threshold": float("inf")}, "threshold inf must be a finite number"),
        ({"classes": ("sky", "road"), "open": 0}, "threshold and open are for binary students"),
        ({"classes": ("sky", "road"), "threshold": 0.0}, "threshold and open are for binary students"),
    ],
)
def test_what_no_student_can_have_is_refused(change, message):
    with pytest.raises(BadInput, match=message):
        replace(COIN, **change)


def test_a_suggested_size_is_itself_accepted():
    assert replace(COIN, height=260).logits_shape == (1, 65, 48)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema 2, this version expects 1"),
        ({"colour": "bgr"}, "colour 'bgr', this version expects 'rgb'"),
        ({"range": [0, 1]}, r"range \[0, 1\], this version expects \[0, 255\]"),
        ({"upsample": None}, "upsample None"),
        ({"mean": [0, 0, 0]}, "fields .*'mean'"),
        ({"height": "256"}, "height '256', expected int"),
        ({"height": 256.0}, r"height 256\.0, expected int"),
        ({"open": True}, "open True, expected int"),
        ({"classes": "coin"}, "classes 'coin', expected list"),
        ({"classes": [1]}, r"classes \[1\], expected names"),
        ({"threshold": None}, "threshold None, expected float"),
        ({"height": 255}, "height 255 is not a multiple"),
    ],
)
def test_a_contract_of_another_kind_is_refused(change, message):
    text = json.dumps({**json.loads(COIN.to_json()), **change})

    with pytest.raises(BadInput, match=message):
        Contract.from_json(text)


@pytest.mark.parametrize("field", ["height", "stride", "classes", "threshold", "open", "colour"])
def test_a_missing_field_is_refused(field):
    found = json.loads(COIN.to_json())
    del found[field]

    with pytest.raises(BadInput, match=field):
        Contract.from_json(json.dumps(found))


@pytest.mark.parametrize(("text", "message"), [("{", "not JSON"), ("", "not JSON"), ("[]", "found list")])
def test_what_is_no_json_object_is_refused(text, message):
    with pytest.raises(BadInput, match=message):
        Contract.from_json(text)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"open": 99_999}, "open 99999 is more than 255"),
        ({"open": 1_000_000_001}, "open 1000000001 is more than 255"),
        ({"open": 10**39}, "is more than 255"),
        ({"height": 30_000}, "height 30000 is more than 8192"),
        ({"height": 8192, "width": 8192}, "is more than 16777216 pixels"),
        ({"width": 10**39}, "is more than 8192"),
        ({"classes": ["x" * 201]}, "at most 200 characters"),
        ({"classes": ["a\nb"]}, r"class 'a\\nb' must be printable"),
        ({"classes": [f"{i}" for i in range(257)], "open": 0, "threshold": 0}, "257 classes are too many"),
        ({"threshold": 10**400}, "a number of 401 digits"),
    ],
)
def test_what_no_machine_could_serve_is_refused_before_anything_is_made_for_it(changes, says):
    text = json.dumps({**json.loads(COIN.to_json()), **changes})

    with pytest.raises(BadInput, match=says) as raised:
        Contract.from_json(text, "the contract in a.onnx")

    assert str(raised.value).startswith("the contract in a.onnx")


def test_an_opening_is_no_larger_than_the_input():
    with pytest.raises(BadInput, match="open 33 is more than 32; use less"):
        Contract(16, 32, 4, ("coin",), open=33)
