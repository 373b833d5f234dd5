import pytest

from conversion.export.rehearsal import rehearse
from training.recipe import read_recipe
from training.student.errors import BadInput, ConversionRefused


@pytest.mark.slow
def test_a_sound_recipe_is_told_its_size_and_time():
    found = rehearse(read_recipe("smoke", ["height=64", "width=64"]))

    assert 0.5 < found.megabytes < 5
    assert found.milliseconds > 0
    assert "one XNNPACK partition" in str(found)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("height=100", "height 100 is not a multiple of 16; use 96 or 112"),
        ("stride=3", "stride 3 is unknown"),
        ("encoder=vgg11", "unknown encoder 'vgg11'"),
    ],
)
def test_a_recipe_that_cannot_be_built_is_refused_before_training(override, message):
    with pytest.raises(BadInput, match=message):
        rehearse(read_recipe("smoke", [override]))


CUT_UP = ["encoder=tu-efficientvit_b0", "height=64", "width=64"]


@pytest.mark.slow
def test_a_network_that_xnnpack_would_cut_up_is_refused_with_the_operator_at_fault():
    with pytest.raises(
        ConversionRefused, match=r"3 XNNPACK partitions, since it leaves PADV2 out.*single_partition=false"
    ):
        rehearse(read_recipe("smoke", CUT_UP))


@pytest.mark.slow
def test_it_is_accepted_by_who_asks_for_it():
    assert "3 XNNPACK partitions" in str(rehearse(read_recipe("smoke", [*CUT_UP, "single_partition=false"])))
