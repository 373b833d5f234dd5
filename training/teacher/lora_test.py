import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from training.student.errors import BadInput
from training.teacher import lora
from training.teacher.segmenters import SEGMENTERS, Segmenter
from training.teacher.weights import find_weights

ARCHITECTURES = list(SEGMENTERS)


@pytest.fixture
def segmenter(saved):
    def make(kind="sam", adapter=None):
        return Segmenter(
            find_weights("segmenter", saved(kind), SEGMENTERS), device="cpu", arithmetic="fp32", adapter=adapter
        )

    return make


def seen(network):
    pixels = torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)
    with torch.no_grad():
        masks = network(pixel_values=pixels, input_boxes=torch.tensor([[[4.0, 8, 40, 60]]])).pred_masks
    assert masks.std() > 0.01, "or nothing could differ"
    return masks


def taught(network, rank=4):
    """Additions that are no longer zero."""
    learning = lora.add_lora(network, rank)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in learning:
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return learning


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_additions_change_nothing_before_they_learn(segmenter, kind):
    network = segmenter(kind).model.network
    before = seen(network)

    lora.add_lora(network, 4)

    torch.testing.assert_close(seen(network), before, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_query_and_value_of_the_image_encoder_learn_and_nothing_else(segmenter, kind):
    network = segmenter(kind).model.network
    learning = lora.add_lora(network, 4)

    names = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    blocks = sum(isinstance(module, lora.SplitQkv) for module in network.modules())
    assert blocks > 1
    assert len(names) == len(learning) == blocks * 2 * 2
    assert all(name.startswith("vision_encoder.") and "lora_" in name for name in names)
    assert all(".query." in name or ".value." in name for name in names)

    fused = next(module for module in network.modules() if isinstance(module, lora.SplitQkv))
    hidden = torch.randn(1, fused.key.in_features, generator=torch.Generator().manual_seed(0))
    before = fused(hidden).chunk(3, dim=-1)
    with torch.no_grad():
        for parameter in learning:
            parameter.fill_(0.5)
    changed = [not torch.equal(old, new) for old, new in zip(before, fused(hidden).chunk(3, dim=-1), strict=True)]
    assert changed == [True, False, True]


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_merged_a_network_draws_the_same_and_is_an_ordinary_one(segmenter, kind):
    network = segmenter(kind).model.network
    names, before = set(network.state_dict()), seen(network)
    taught(network)
    apart = seen(network)

    lora.merge_lora(network)

    assert set(network.state_dict()) == names
    assert (apart - before).abs().max() > 0.01
    torch.testing.assert_close(seen(network), apart, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_a_file_gives_another_network_what_one_learnt(segmenter, kind, tmp_path):
    first = segmenter(kind)
    taught(first.model.network)
    lora.save_adapter(tmp_path / "a.safetensors", first.model.network, first.model.weights, 4, {"pairs": 2})

    second = segmenter(kind).model
    lora.load_adapter(tmp_path / "a.safetensors", second.network, second.weights)

    assert (seen(second.network) - seen(segmenter(kind).model.network)).abs().max() > 0.01
    torch.testing.assert_close(seen(second.network), seen(first.model.network), atol=1e-4, rtol=1e-4)


def test_the_file_holds_the_additions_alone(segmenter, tmp_path):
    ours = segmenter()
    learning = taught(ours.model.network)
    lora.save_adapter(tmp_path / "a.safetensors", ours.model.network, ours.model.weights, 4, {"pairs": 2})

    state = load_file(tmp_path / "a.safetensors")
    assert sum(tensor.numel() for tensor in state.values()) == sum(parameter.numel() for parameter in learning)
    with safe_open(tmp_path / "a.safetensors", "pt") as file:
        assert file.metadata()["rank"] == "4"
        assert file.metadata()["facts"] == '{"pairs": 2}'


def test_an_adapter_of_other_weights_is_refused(segmenter, tmp_path):
    ours, other = segmenter(), segmenter("sam_hq").model
    taught(ours.model.network)
    lora.save_adapter(tmp_path / "a.safetensors", ours.model.network, ours.model.weights, 4, {})

    with pytest.raises(BadInput, match=r"was trained on .*, not on "):
        lora.load_adapter(tmp_path / "a.safetensors", other.network, other.weights)


def test_what_is_no_adapter_is_refused(segmenter, tmp_path):
    model = segmenter().model
    path = tmp_path / "a.safetensors"
    with pytest.raises(BadInput, match="cannot be read"):
        lora.load_adapter(path, model.network, model.weights)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(BadInput, match="cannot be read"):
        lora.load_adapter(path, model.network, model.weights)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(BadInput, match="is not an adapter of schema 1"):
        lora.load_adapter(path, model.network, model.weights)


def test_an_adapter_that_lacks_additions_is_refused(segmenter, tmp_path):
    ours, path = segmenter().model, tmp_path / "a.safetensors"
    taught(ours.network)
    lora.save_adapter(path, ours.network, ours.weights, 4, {})
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    state = load_file(path)
    state.pop(sorted(state)[0])
    save_file(state, path, metadata)

    with pytest.raises(BadInput, match="does not hold LoRA weights"):
        lora.load_adapter(path, segmenter().model.network, ours.weights)
