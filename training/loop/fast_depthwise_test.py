import pytest
import torch

from training.loop.fast_depthwise import SubsampledDepthwise, replace_strided_depthwise
from training.student.contract import Contract
from training.student.network import Architecture, Student
from training.student.normalisation import NEUTRAL

ENCODERS = ["mobilenet_v2", "tu-mobilenetv2_050", "tu-mobilenetv3_small_100"]


def _student(encoder):
    torch.manual_seed(0)
    contract = Contract(64, 96, 4, ("thing",))
    return Student(contract, Architecture(encoder, (16, 16, 16), True, NEUTRAL, NEUTRAL)).eval()


@pytest.mark.parametrize("encoder", ENCODERS)
def test_logits_and_gradients_are_those_of_the_strided_network(encoder):
    plain, fast = _student(encoder), replace_strided_depthwise(_student(encoder))
    assert any(isinstance(module, SubsampledDepthwise) for module in fast.modules())
    image = torch.rand(2, 3, 64, 96) * 255

    expected, found = plain(image), fast(image)
    (expected**2).sum().backward()
    (found**2).sum().backward()

    torch.testing.assert_close(found, expected)
    for (name, one), (other_name, other) in zip(plain.named_parameters(), fast.named_parameters(), strict=True):
        assert name == other_name
        torch.testing.assert_close(other.grad, one.grad, rtol=1e-3, atol=1e-6 + 1e-4 * float(one.grad.abs().max()))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_checkpoint_does_not_know_of_it(encoder):
    weights = replace_strided_depthwise(_student(encoder)).state_dict()

    plain = _student(encoder)
    assert plain.load_state_dict(weights) == ([], [])
    assert weights.keys() == plain.state_dict().keys()
