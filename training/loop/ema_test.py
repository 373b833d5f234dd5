import pytest
import torch
from torch import nn

from training.loop.ema import exponential_moving_average


@pytest.fixture
def network():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


def step(network, seed):
    """Move weights and statistics as a training would."""
    torch.manual_seed(seed)
    network(torch.rand(2, 3, 4, 4))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.rand_like(parameter))


def test_it_is_the_exponential_average_that_its_formula_says(network):
    average = exponential_moving_average(network, decay=0.3)
    expected = {}
    for steps in range(6):
        step(network, steps)
        average.update_parameters(network)
        keep = min(0.3, (1 + steps) / (10 + steps)) if steps else 0
        for name, value in network.state_dict().items():
            now = value.double()
            expected[name] = keep * expected[name] + (1 - keep) * now if steps else now

    for name, value in average.module.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value.double(), expected[name], rtol=1e-6, atol=0)
    assert average.module[1].num_batches_tracked == 6


def test_a_short_training_forgets_its_beginning_even_with_a_long_memory(network):
    start = network[0].weight.detach().clone()
    average = exponential_moving_average(network, decay=0.9999)
    average.update_parameters(network)
    with torch.no_grad():
        network[0].weight.copy_(start + 1)
    for _ in range(100):
        average.update_parameters(network)

    assert (average.module[0].weight - start).min() > 0.99


def test_it_wants_no_gradient_and_stays_in_inference(network):
    average = exponential_moving_average(network.train(), decay=0.9)

    assert not average.module.training
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())
