from functools import cache

import numpy as np
import pytest
import torch

from training.student.errors import BadInput
from training.teacher.proposals import Boxes
from training.teacher.segmenters import SEGMENTERS, Segmenter
from training.teacher.weights import find_weights

BOXES = np.array([[5, 10, 30, 40], [0, 0, 90, 50], [40.5, 20.25, 41.5, 22]], np.float32)


@pytest.fixture(scope="module")
def segmenter(saved):
    """A segmenter, to be left as it is; read once for all tests that ask for the same."""

    @cache
    def make(kind, arithmetic="fp32"):
        return Segmenter(find_weights("segmenter", saved(kind), SEGMENTERS), device="cpu", arithmetic=arithmetic)

    return make


def photo(rows, columns, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (rows, columns, 3), np.uint8)


def boxes(number):
    return Boxes(BOXES[:number], np.ones((number, 1), np.float32))


def dense(proposals):
    """(N, M, rows, columns)"""
    masks = np.zeros((len(proposals.masks), len(proposals.masks[0]), *proposals.size), np.uint8)
    for index, regions in enumerate(proposals.masks):
        for which, region in enumerate(regions):
            region.paint(masks[index, which], 1)
    return masks > 0


@pytest.mark.parametrize("kind", SEGMENTERS)
@pytest.mark.parametrize("size", [(50, 90), (90, 40)])
def test_masks_are_those_of_transformers_own_processing(segmenter, kind, size):
    ours = segmenter(kind)
    given = photo(*size)

    found = ours.look([given], [boxes(3)])[0]

    inputs = ours.model.processor(images=given, input_boxes=[BOXES.tolist()], return_tensors="pt").to(torch.float32)
    sizes = [inputs["original_sizes"], *([inputs["reshaped_input_sizes"]] if "reshaped_input_sizes" in inputs else [])]
    with torch.inference_mode():
        output = ours.model.network(pixel_values=inputs["pixel_values"], input_boxes=inputs["input_boxes"])
        theirs = ours.model.processor.post_process_masks(output.pred_masks, *sizes)[0].numpy()
    assert theirs.shape[-2:] == size
    assert 0 < theirs.mean() < 1
    assert (dense(found) != theirs).mean() < 1e-3, "but for logits of zero, to the last bit"
    np.testing.assert_allclose(found.mask_scores, output.iou_scores[0].clamp(0, 1), atol=1e-5)


@pytest.mark.parametrize("kind", SEGMENTERS)
@pytest.mark.parametrize("size", [(48, 96), (96, 48)])
def test_a_quadrant_drawn_at_the_network_s_size_is_a_quadrant_of_the_photo(segmenter, kind, size):
    ours = segmenter(kind)
    rows, columns = size
    inputs = ours.model.inputs(photo(rows, columns))
    height, width = inputs["reshaped_input_sizes"][0].tolist() if kind != "sam2" else (64, 64)
    logits = torch.full((1, 1, 64, 64), -1.0)
    logits[..., height // 2 : height, : width // 2] = 1

    mask = ours._upright(logits, inputs)[0, 0].numpy()

    expected = np.zeros(size, bool)
    expected[rows // 2 :, : columns // 2] = True
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize("kind", SEGMENTERS)
def test_boxes_reach_the_network_in_its_own_pixels(segmenter, kind):
    ours = segmenter(kind)
    inputs = ours.model.inputs(photo(40, 80))

    prompts = ours.prompts(inputs, np.array([[0, 0, 80, 40], [20, 10, 40, 30]], np.float32))[0]

    tall = 64 if kind == "sam2" else 32
    assert prompts.tolist() == [[0, 0, 64, tall], [16, tall / 4, 32, tall * 3 / 4]]


@pytest.mark.parametrize("kind", SEGMENTERS)
def test_a_batch_finds_what_each_photo_finds_alone(segmenter, kind):
    ours = segmenter(kind)
    photos = [photo(50, 90, 0), photo(90, 40, 1), photo(50, 90, 2), photo(1, 1, 3)]
    found = [boxes(2), boxes(0), boxes(3), Boxes(np.array([[0, 0, 1, 1]], np.float32), np.ones((1, 1), np.float32))]

    together = ours.look(photos, found)

    for index, proposals in enumerate(together):
        assert proposals.size == photos[index].shape[:2]
        if index == 1:
            assert proposals.masks == []
            continue
        alone = ours.look([photos[index]], [found[index]])[0]
        np.testing.assert_allclose(proposals.mask_scores, alone.mask_scores, atol=1e-5)
        assert (dense(proposals) != dense(alone)).mean() < 1e-3


@pytest.mark.parametrize("kind", SEGMENTERS)
def test_more_boxes_than_are_decoded_at_once_make_no_difference(segmenter, kind, monkeypatch):
    whole = segmenter(kind).look([photo(50, 90)], [boxes(3)])[0]
    monkeypatch.setattr("training.teacher.segmenters._BOXES_AT_ONCE", 2)
    parts = segmenter(kind).look([photo(50, 90)], [boxes(3)])[0]

    assert parts.mask_scores.shape == whole.mask_scores.shape
    assert (dense(whole) != dense(parts)).mean() < 1e-3


@pytest.mark.parametrize("kind", SEGMENTERS)
def test_bf16_draws_nearly_the_same_masks(segmenter, kind):
    exact = dense(segmenter(kind).look([photo(50, 90)], [boxes(3)])[0])
    near = dense(segmenter(kind, "bf16").look([photo(50, 90)], [boxes(3)])[0])

    assert (exact != near).mean() < 0.1


def test_a_photo_of_which_nothing_is_left_at_the_size_of_the_input_is_refused(segmenter):
    with pytest.raises(BadInput, match="2 × 5000 pixels is too narrow"):
        segmenter("sam").look([photo(2, 5000)], [boxes(1)])
