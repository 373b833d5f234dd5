import os
import subprocess
import sys

import pytest
import torch

from training.student import encoders
from training.student.encoders import DEPTH, ENCODERS
from training.student.errors import BadInput


@pytest.mark.parametrize("name", ENCODERS)
def test_every_row_builds_an_encoder_of_six_scales(name):
    encoder = encoders.build(name).eval()

    with torch.inference_mode():
        features = encoder(torch.zeros(1, 3, 64, 32))

    assert [tuple(scale.shape) for scale in features] == [
        (1, channels, 64 >> power, 32 >> power) for power, channels in enumerate(encoder.out_channels)
    ]
    assert len(features) == DEPTH + 1
    assert encoder.out_channels[0] == 3


# One of each way in which libraries build and cut encoders.
FAMILIES = (
    "mobilenet_v2",
    "efficientnet-b0",
    "mobileone_s0",
    "resnet18",
    "mit_b0",
    "tu-mobilenetv2_100",
    "tu-fastvit_t8",
)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_shallow_encoder_has_the_first_features_of_the_whole_and_no_weights_beyond_them(name):
    whole, shallow = encoders.build(name).eval(), encoders.build(name, depth=4).eval()
    own = shallow.state_dict()
    shallow.load_state_dict({key: value for key, value in whole.state_dict().items() if key in own})
    photo = torch.rand(1, 3, 64, 64)

    features = shallow(photo)

    assert len(features) == 5
    for ours, theirs in zip(features, whole(photo)[:5], strict=True):
        assert torch.equal(ours, theirs)
    idle = torch.autograd.grad(
        [one.sum() for one in features if one.requires_grad], list(shallow.parameters()), allow_unused=True
    )
    assert all(one is not None for one in idle)


@pytest.mark.parametrize("ask", [encoders.build, encoders.hub_normalisation, encoders.hub_weights])
def test_an_unknown_name_lists_the_known(ask):
    with pytest.raises(BadInput, match=r"unknown encoder 'vgg19'; expected one of mobilenet_v2, .*resnet34"):
        ask("vgg19")


def test_the_normalisation_of_timms_weights_needs_no_hub():
    assert encoders.hub_normalisation("tu-mobilenetv2_100") == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.slow
def test_without_a_network_the_hub_is_given_up_at_once_with_all_remedies(tmp_path):
    # In a process of its own, since the hub's client reads its address and cache when it is imported.
    asking = """
import sys, time
from training.student import encoders, errors

for name in sys.argv[1:]:
    encoders.build(name)
    started = time.perf_counter()
    try:
        encoders.hub_weights(name)
    except errors.BadInput as error:
        print(time.perf_counter() - started, error)
"""
    names = ["tu-mobilenetv3_small_100", "resnet18"]
    nowhere = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}

    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", asking, *names],
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        check=True,
    )

    for name, line in zip(names, found.stdout.splitlines(), strict=True):
        seconds, message = line.split(maxsplit=1)
        assert float(seconds) < 10
        assert message.startswith(f"cannot get the hub's weights for {name} (LocalEntryNotFoundError); go online once")
        for remedy in ("encoder_weights=FILE.safetensors", "encoder_mean=", "encoder_std=", "encoder_weights=none"):
            assert remedy in message
    assert found.stderr == ""
