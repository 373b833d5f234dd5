import pytest
import torch

from training.student import encoders
from training.student.errors import BadInput
from training.student.width_multiplier import narrow


@pytest.mark.parametrize("name", ["tu-mobilenetv2_100", "tu-mobilenetv3_small_100", "tu-efficientnet_lite0"])
def test_channels_that_the_output_hears_nothing_of_can_go_without_a_trace(name):
    encoder = encoders.build(name).eval()
    photo = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        for stage in encoder.model.blocks:
            for block in stage:
                if hasattr(block, "conv_pwl"):
                    block.conv_pwl.weight[:, ::2] = 0
                    if hasattr(block.se, "conv_reduce"):
                        block.se.conv_reduce.weight[:, ::2] = 0
        expected = encoder(photo)
        before = sum(value.numel() for value in encoder.parameters())

        narrow(encoder, [0.6] * 7)

        assert sum(value.numel() for value in encoder.parameters()) < 0.8 * before
        for ours, theirs in zip(encoder(photo), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_stages_that_are_not_named_stay_as_they_are():
    encoder = encoders.build("tu-mobilenetv2_100")
    stages = encoder.model.blocks

    narrow(encoder, [1, 0.5])

    assert stages[1][0].conv_pw.out_channels == stages[1][0].conv_dw.groups == 48
    assert stages[1][1].conv_pw.out_channels == stages[1][1].bn1.num_features == 72
    assert stages[2][0].conv_pw.out_channels == 144


def test_an_encoder_without_inverted_residuals_is_refused():
    with pytest.raises(BadInput, match="narrows the inverted residuals of timm's encoders, and this one has none"):
        narrow(encoders.build("resnet18"), [0.5])
