import pytest
import torch
from torch import nn

from training.loop.non_finite_loss import explain_loss
from training.recipe import Recipe

NAN = torch.tensor(float("nan"))


def told(logits, network):
    return str(explain_loss(NAN, logits, network, Recipe(), when="epoch 2, step 9", rate=0.0012345))


@pytest.fixture
def network():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


def test_weights_that_broke_are_counted_and_the_first_named(network):
    with torch.no_grad():
        network[0].bias[1] = torch.inf
        network[1].running_var[0] = torch.nan

    found = told(torch.zeros(1), network)

    assert found.startswith("the loss became nan in epoch 2, step 9, at a learning rate of 0.00123; 2 of 7 weights")
    assert "0.bias first: steps were too large; lower learning_rate (now 0.003)" in found


def test_logits_out_of_range_are_told_from_weights_that_broke(network):
    assert "weights are finite and logits are not: they left the range" in told(torch.tensor([1, torch.inf]), network)
    assert "weights and logits are finite, up to 7e+20; lower" in told(torch.tensor([1, -7e20]), network)
