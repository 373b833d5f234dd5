from functools import cache

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from training.student.errors import BadInput
from training.teacher.phrases import parse_phrases
from training.teacher.proposals import Proposals
from training.teacher.teachers import TEACHERS

ENTRY = TEACHERS["sam3"]
# A random network: whatever it draws is taken as it is.
ALL = {"floor": 0, "threshold": 0, "nms": 1, "consistency": 0, "fragment": 0, "hole": 0}
BOTH = ("coin", "note=bank note,medal")


@pytest.fixture(scope="module")
def teacher(saved):
    @cache
    def make(phrases=("coin",), arithmetic="fp32", most=100):
        options = ENTRY.options()(arithmetic=arithmetic, **(ALL | {"most": most}))
        return ENTRY.build(options, parse_phrases(phrases), saved("sam3"), "cpu")

    return make


def photo(rows, columns, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (rows, columns, 3), np.uint8)


def dense(proposals):
    masks = np.zeros((len(proposals.masks), *proposals.size), np.uint8)
    for index, (region,) in enumerate(proposals.masks):
        region.paint(masks[index], 1)
    return masks > 0


@pytest.mark.parametrize("size", [(50, 90), (90, 40)])
def test_things_are_those_of_transformers_own_processing(teacher, size):
    ours = teacher()
    given = photo(*size)

    found = Proposals.from_findings(ours.look([given])[0])

    inputs = ours.model.processor(images=given, text="coin", return_tensors="pt")
    with torch.inference_mode():
        output = ours.model.network(**{name: inputs[name] for name in ("pixel_values", "input_ids", "attention_mask")})
    theirs = ours.model.processor.post_process_instance_segmentation(output, threshold=-1, target_sizes=[size])[0]
    order = np.argsort(-theirs["scores"].numpy(), kind="stable")
    np.testing.assert_allclose(found.found.scores[:, 0], theirs["scores"].numpy()[order], atol=1e-5)
    np.testing.assert_allclose(found.found.boxes, theirs["boxes"].numpy()[order], atol=1e-3)
    assert 0 < dense(found).mean() < 1
    assert (dense(found) != (theirs["masks"].numpy() > 0)[order]).mean() < 1e-3


@pytest.mark.parametrize("phrases", [("coin",), BOTH])
def test_a_batch_finds_what_each_photo_finds_alone(teacher, phrases):
    ours = teacher(phrases)
    photos = [photo(50, 90, 0), photo(90, 40, 1), photo(1, 1, 2)]

    for given, findings in zip(photos, ours.look(photos), strict=True):
        together, alone = Proposals.from_findings(findings), Proposals.from_findings(ours.look([given])[0])
        np.testing.assert_allclose(together.found.scores, alone.found.scores, atol=1e-5)
        np.testing.assert_allclose(together.found.boxes, alone.found.boxes, atol=1e-3)
        assert (dense(together) != dense(alone)).mean() < 1e-3


@pytest.mark.parametrize(("colour", "channel"), [((255, 0, 0), 0), ((0, 255, 0), 1), ((0, 0, 255), 2)])
def test_colours_reach_the_network_in_their_own_channel(teacher, colour, channel):
    ours = teacher()
    reached = []
    layers = ours.model.network.modules()
    first = next(one for one in layers if isinstance(one, torch.nn.Conv2d) and one.in_channels == 3)
    handle = first.register_forward_pre_hook(lambda _, inputs: reached.append(inputs[0]))
    ours.look([np.full((40, 20, 3), colour, np.uint8)])
    handle.remove()

    image = ours.model.processor.image_processor
    seen = reached[0][0].permute(1, 2, 0) * torch.tensor(image.image_std) + torch.tensor(image.image_mean)

    torch.testing.assert_close(seen, torch.eye(3)[channel].expand(64, 64, 3), atol=1e-5, rtol=0)


def test_all_instances_go_into_the_mask_holes_and_all(teacher):
    ours = teacher()
    findings = ours.look([photo(50, 90)])[0]

    decision = ours.decide(findings)

    drawn = dense(Proposals.from_findings(findings))
    assert len(drawn) > 1
    np.testing.assert_array_equal(decision.mask > 0, drawn.any(axis=0))
    assert 0 < decision.mask.mean() < 1
    assert all(one.mask_score is None for one in decision.instances)


def test_each_text_finds_things_of_its_own_phrase(teacher):
    found = Proposals.from_findings(teacher(BOTH).look([photo(50, 90)])[0]).found

    # One text of the first phrase and two of the second, six queries each.
    assert (found.scores[:, 0] > 0).sum() == 6
    assert (found.scores[:, 1] > 0).sum() == 12
    assert not ((found.scores > 0).all(axis=1)).any()


def test_a_photo_where_nothing_is_found_is_a_negative(teacher):
    ours = teacher()
    options = ENTRY.options()(threshold=0.99)
    findings = ours.look([photo(50, 90)])[0]
    denied = type(ours)(options, ours.phrases, ours.model).decide(findings)

    assert not denied.mask.any()
    assert denied.instances == ()
    assert not denied.undecided


def test_bf16_runs_and_scores_nearly_the_same(teacher):
    exact, near = (teacher(arithmetic=one).look([photo(50, 90)])[0].arrays["box_scores"] for one in ("fp32", "bf16"))

    assert near.dtype == np.float32
    np.testing.assert_allclose(near, exact, atol=0.05)


def test_no_more_things_than_asked_for(teacher):
    assert len(teacher(most=2).look([photo(50, 90)])[0].arrays["boxes"]) == 2


def test_what_cannot_be_met_is_refused(teacher):
    with pytest.raises(BadInput, match="takes 42 tokens, at most 32 fit; shorten it"):
        teacher(("abcdefghij" * 4,)).look([photo(9, 9)])
    with pytest.raises(ValidationError, match=r"threshold=0\.05 is below floor=0\.1"):
        ENTRY.options()(threshold=0.05)
