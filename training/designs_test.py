import pytest

from training import designs
from training.designs import Measured
from training.recipe import read_recipe, recipe_from_mapping
from training.student.errors import BadInput

ROWS = [
    Measured("small", "int8", 2.0, 0.90, 0.3),
    Measured("small", "fp32", 4.0, 0.91, 1.0),
    Measured("slow", "fp32", 5.0, 0.89, 2.0),
    Measured("large", "int8", 5.0, 0.93, 2.0),
]


@pytest.mark.parametrize(("latency", "expected"), [(2, 0), (3.9, 0), (4, 1), (5, 3), (90, 3)])
def test_the_most_accurate_that_is_fast_enough_is_chosen(latency, expected):
    assert designs.choose(latency, ROWS) == ROWS[expected]


def test_where_none_is_fast_enough_the_fastest_is_named():
    with pytest.raises(BadInput, match=r"latency_ms=1.5: .* the fastest is small in int8 with 2.0 ms"):
        designs.choose(1.5, ROWS)


def test_the_front_leaves_out_what_another_equals_in_both():
    assert designs.pareto_front(ROWS) == [ROWS[0], ROWS[1], ROWS[3]]


def test_all_designs_are_measured_and_each_is_a_recipe_of_its_own():
    assert {row.design for row in designs.measured()} == set(designs.options())
    assert len(designs.options()) >= 12
    architectures = {recipe_from_mapping(own, name).model_dump_json() for name, own in designs.options().items()}
    assert len(architectures) == len(designs.options())


def test_a_recipe_takes_its_design_by_latency():
    chosen = designs.measured()[-1]

    found = read_recipe("mobile", [f"latency_ms={chosen.ms}", "epochs=3"])

    best = designs.choose(chosen.ms)
    assert {key: getattr(found, key) for key in designs.options()[best.design]} == {
        key: tuple(value) if isinstance(value, list) else value for key, value in designs.options()[best.design].items()
    }
    assert found.epochs == 3


def test_what_latency_chooses_cannot_be_given_as_well():
    with pytest.raises(BadInput, match=r"latency_ms chooses .*; leave decoder= out, or latency_ms="):
        read_recipe("mobile", ["latency_ms=1000", "decoder=[8]"])
