import pytest

from conversion import graph, to_onnx
from conversion.rehearsal import refuse_pieces, rehearse
from conversion.tflite.emitter import emit
from training import recipe as recipes
from training.student.baseline import usual_network
from training.student.contract import Contract
from training.student.errors import BadInput, ConversionRefused


def test_a_sound_recipe_is_told_its_size_and_time():
    found = rehearse(recipes.read("smoke", ["height=64", "width=64"]))

    assert 0.5 < found.megabytes < 5
    assert found.milliseconds > 0
    assert "one XNNPACK partition" in str(found)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("height=100", "height 100 is not a multiple of 32; use 96 or 128"),
        ("stride=3", "stride 3 is unknown"),
        ("encoder=vgg11", "unknown encoder 'vgg11'"),
        ("decoder=[16]", "needs 3"),
    ],
)
def test_a_recipe_that_cannot_be_built_is_refused_before_training(override, message):
    with pytest.raises(BadInput, match=message):
        rehearse(recipes.read("smoke", [override]))


def test_a_network_that_xnnpack_would_cut_up_is_refused_with_the_operator_at_fault():
    contract = Contract(64, 64, 1, ("thing",))
    source = graph.read(to_onnx.simplify(to_onnx.export(usual_network(contract), contract)))

    with pytest.raises(ConversionRefused, match="6 XNNPACK partitions, since it leaves RESIZE_NEAREST_NEIGHBOR"):
        refuse_pieces(emit(source, precision="fp32", metadata={}), "smp.Unet")
