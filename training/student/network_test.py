import pytest
import torch
from torch import nn

from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.network import Architecture, Student, check_size

ENCODER = "tu-mobilenetv3_small_100"
FIVE = (32, 24, 16, 12, 8)


def student(height=64, width=64, stride=4, classes=("coin",), *, mean=0.5, std=0.25, **changes):
    usual = {"encoder": ENCODER, "decoder": FIVE, "separable": True}
    architecture = Architecture(**{**usual, **changes}, mean=(mean,) * 3, std=(std,) * 3)
    return Student(Contract(height, width, stride, classes), architecture).eval()


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 16])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 96)])
@pytest.mark.parametrize("classes", [("coin",), ("road", "sky", "car")])
def test_logits_have_the_shape_that_the_contract_says(stride, height, width, classes):
    network = student(height, width, stride, classes)

    with torch.inference_mode():
        logits = network(torch.zeros(2, 3, height, width))

    assert logits.shape == (2, len(classes), height // stride, width // stride)


@pytest.mark.parametrize("encoder", ["mobilenet_v2", "resnet18"])
def test_encoders_that_are_not_timms_fit_as_well(encoder):
    with torch.inference_mode():
        assert student(encoder=encoder)(torch.zeros(1, 3, 64, 64)).shape == (1, 1, 16, 16)


def test_a_shallower_encoder_takes_finer_sizes_and_leaves_its_deep_stages_out():
    shallow = student(80, 48, depth=4)

    with torch.inference_mode():
        assert shallow(torch.zeros(1, 3, 80, 48)).shape == (1, 1, 20, 12)
    assert parameters(shallow) < parameters(student()) / 2


def test_a_stride_that_the_encoder_does_not_go_beyond_is_refused():
    with pytest.raises(
        BadInput, match="depth 2 and stride 4 leave the decoder nothing to do; use a depth of at least 3"
    ):
        student(depth=2)


@pytest.mark.parametrize(
    ("height", "width", "message"),
    [
        (250, 256, "height 250 is not a multiple of 32; use 224 or 256"),
        (256, 16, "width 16 is not a multiple of 32; use 32 or 64"),
        (0, 32, "height 0 is not a multiple of 32; use 32 or 64"),
    ],
)
def test_a_size_that_cannot_be_halved_five_times_names_two_that_can(height, width, message):
    with pytest.raises(BadInput, match=message):
        check_size(height, width)


def test_a_student_of_such_a_size_is_not_built():
    with pytest.raises(BadInput, match="use 96 or 128"):
        student(height=100)


@pytest.mark.parametrize(("stride", "widths", "places"), [(1, 5, 1), (1, 3, 16), (2, 3, 4), (4, 3, 1), (8, 1, 4)])
def test_what_the_decoder_leaves_to_the_stride_the_head_gives_as_places(stride, widths, places):
    network = student(stride=stride, decoder=FIVE[:widths], classes=("sky", "road", "tree"))

    assert network.head.out_channels == 3 * places
    assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 3, 64 // stride, 64 // stride)


def test_places_lie_side_by_side_in_the_logits_of_their_class():
    network = student(stride=2, decoder=FIVE[:3], classes=("sky", "road"))
    nn.init.zeros_(network.head.weight)
    network.head.bias.data = torch.arange(8.0)

    logits = network(torch.zeros(1, 3, 64, 64))

    assert logits[0, :, :2, :2].tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]


def test_widths_that_the_stride_does_not_ask_for_are_not_used():
    assert parameters(student(stride=8)) == parameters(student(stride=8, decoder=FIVE[:2]))


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_all_scales_at_once_give_the_same_logits_shapes(stride):
    network = student(64, 96, stride, ("sky", "road"), decoder_type="mlp", decoder=(24,))

    assert network(torch.zeros(1, 3, 64, 96)).shape == (1, 2, 64 // stride, 96 // stride)


def test_all_scales_at_once_are_no_coarser_than_stride_4():
    with pytest.raises(BadInput, match="decoder_type=mlp gives logits at stride 4 at most, not 8"):
        student(stride=8, decoder_type="mlp", decoder=(24,))


def test_an_unknown_encoder_lists_the_known():
    with pytest.raises(BadInput, match=r"unknown encoder 'vgg19'; expected one of mobilenet_v2, .*resnet34"):
        student(encoder="vgg19")


def test_separable_convolutions_are_lighter_and_look_at_each_channel_alone():
    dense, separable = student(separable=False), student(separable=True)

    sides = [
        {
            module.groups == module.in_channels
            for module in network.decoder.modules()
            if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3)
        }
        for network in (dense, separable)
    ]

    assert sides == [{False}, {True}]
    assert parameters(separable.decoder) < parameters(dense.decoder) / 2


def test_raw_pixels_go_in():
    raw, normalised = student(), student(mean=0.0, std=1 / 255)
    normalised.load_state_dict(raw.state_dict())
    photo = torch.randint(0, 256, (1, 3, 64, 64), generator=torch.Generator().manual_seed(0)).float()

    with torch.inference_mode():
        torch.testing.assert_close(raw(photo), normalised((photo / 255 - 0.5) / 0.25), rtol=1e-4, atol=1e-5)
        assert not torch.allclose(raw(photo), raw((photo / 255 - 0.5) / 0.25), rtol=1e-2)


@pytest.mark.parametrize("decoder_type", ["unet", "mlp"])
def test_every_weight_has_a_say(decoder_type):
    network = student(stride=1, decoder_type=decoder_type).train()

    network(torch.rand(2, 3, 64, 64) * 255).square().mean().backward()

    idle = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not idle
