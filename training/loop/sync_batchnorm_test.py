import torch
from torch import nn

from training.loop.sync_batchnorm import synchronise_batchnorm
from training.student import encoders


def test_a_lone_process_normalises_as_before_and_the_activations_of_timm_stay():
    torch.manual_seed(0)
    plain = encoders.build("tu-mobilenetv2_050").train()
    other = encoders.build("tu-mobilenetv2_050").train()
    other.load_state_dict(plain.state_dict())
    other = synchronise_batchnorm(other, "cpu")
    photos = torch.rand(2, 3, 64, 64)

    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in other.modules())
    for one, same in zip(plain(photos), other(photos), strict=True):
        assert torch.equal(one, same)
    assert list(plain.state_dict()) == list(other.state_dict())
