import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from training.student.errors import BadInput
from training.teacher.model import Model
from training.teacher.segmenters import SEGMENTERS
from training.teacher.weights import find_weights


def model(folder, device="cpu", arithmetic="fp32"):
    weights = find_weights("segmenter", str(folder), SEGMENTERS)
    return Model(weights, SEGMENTERS, device, arithmetic)


@pytest.fixture
def copied(saved, tmp_path):
    """A folder of a tiny SAM that may be spoilt."""
    return Path(shutil.copytree(saved("sam"), tmp_path / "sam"))


@pytest.mark.parametrize(("arithmetic", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_arithmetic_is_that_of_the_weights(saved, arithmetic, dtype):
    network = model(saved("sam"), arithmetic=arithmetic).network

    assert {parameter.dtype for parameter in network.parameters()} == {dtype}
    assert not network.training


def test_weights_that_lack_a_tensor_are_refused_rather_than_made_up(copied):
    state = load_file(copied / "model.safetensors")
    del state["vision_encoder.layers.0.attn.qkv.weight"]
    save_file(state, copied / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(BadInput, match=r"has 1 tensors of the segmenter missing.*qkv\.weight"):
        _ = model(copied).network


def test_damaged_weights_are_named(copied):
    path = copied / "model.safetensors"
    path.write_bytes(path.read_bytes()[:2000])

    with pytest.raises(BadInput, match="cannot load the segmenter from"):
        _ = model(copied).network


def test_a_device_that_is_not_there_is_refused(saved):
    with pytest.raises(BadInput, match="device nonsense cannot be used"):
        _ = model(saved("sam"), device="nonsense").network


def test_a_processor_that_is_not_there_is_named(copied):
    for path in copied.glob("*processor*"):
        path.unlink()

    with pytest.raises(BadInput, match="cannot read the segmenter's processor"):
        _ = model(copied).processor
