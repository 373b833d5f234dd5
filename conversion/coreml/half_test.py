import numpy as np
import pytest

from conversion.coreml import half


@pytest.mark.parametrize(
    ("operator", "constant", "expected"),
    [
        ("add", np.float32(65504), True),
        ("add", np.float32([1, -70000]), False),
        ("add", np.float32(-np.inf), True),
        ("add", np.float32(1e-9), True),
        ("mul", np.float32(1e-9), False),
        ("mul", np.float32([1, 1e-9]), True),
        ("mul", np.int32(100000), True),
        ("concat", [np.float32(1), np.float32(1e9)], False),
    ],
    ids=str,
)
def test_an_operator_fits_into_float16_where_its_constants_do(operator, constant, expected):
    assert half.fits(operator, [constant, "fp16", [1, 2]]) is expected


def test_a_single_number_is_never_rounded_to_zero():
    assert half.rounded(np.float32(-1e-12)) == -half.SMALLEST
    assert half.rounded(np.float32(0)) == 0
    np.testing.assert_array_equal(half.rounded(np.float32([1e-12, 1 / 3])), np.float16([0, 1 / 3]))
