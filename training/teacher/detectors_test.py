from functools import cache

import numpy as np
import pytest
import torch

from training.student.errors import BadInput
from training.teacher.detectors import DETECTORS, Detector
from training.teacher.phrases import parse_phrases
from training.teacher.weights import find_weights

COINS = parse_phrases(["coin", "note=bank note,medal"])


@pytest.fixture(scope="module")
def detector(saved):
    """A detector, to be left as it is; read once for all tests that ask for the same."""

    @cache
    def make(kind, phrases=COINS, floor=0.0, most=1000):
        weights = find_weights("detector", saved(kind), DETECTORS)
        return Detector(weights, phrases, device="cpu", arithmetic="fp32", floor=floor, most=most)

    return make


def photo(rows, columns, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (rows, columns, 3), np.uint8)


def by_place(boxes):
    return boxes.boxes[np.lexsort(boxes.boxes.T)]


@pytest.mark.parametrize("kind", DETECTORS)
@pytest.mark.parametrize("size", [(50, 90), (90, 40)])
def test_boxes_are_where_transformers_own_post_processing_puts_them(detector, kind, size):
    ours = detector(kind)
    given = photo(*size)

    found = ours.look([given])[0]

    words = ["coin", "bank note", "medal"]
    inputs = ours.model.processor(
        images=given, text=[words] if kind == "owlv2" else "coin. bank note. medal.", return_tensors="pt"
    )
    with torch.inference_mode():
        output = ours.model.network(**inputs)
    theirs = ours.model.processor.post_process_grounded_object_detection(output, threshold=-1.0, target_sizes=[size])[0]
    boxes = theirs["boxes"].numpy().clip(0, [size[1], size[0]] * 2)
    boxes = boxes[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])]
    assert len(boxes) > 0
    np.testing.assert_allclose(by_place(found), boxes[np.lexsort(boxes.T)], atol=1e-3)
    assert found.scores.max(axis=1) == pytest.approx(np.sort(found.scores.max(axis=1))[::-1]), "best first"
    assert found.scores.max() <= theirs["scores"].max() + 1e-5


def test_owl_boxes_are_relative_to_the_photo_padded_to_a_square(detector):
    """With the last layer of its box head silenced, OWLv2 gives each cell of its 4 × 4 grid its default box."""
    ours = detector("owlv2", most=999)
    for parameter in ours.model.network.box_head.dense2.parameters():
        torch.nn.init.zeros_(parameter)

    found = ours.look([photo(40, 80)])[0]

    # Centres at quarters of 80 pixels and sides of a quarter; below row 40 there is only padding.
    assert [10, 10, 30, 30] in by_place(found).round().tolist()
    assert [50, 30, 70, 40] in by_place(found).round().tolist()
    assert found.boxes[:, 3].max() == 40


@pytest.mark.parametrize("kind", DETECTORS)
def test_a_batch_finds_what_each_photo_finds_alone(detector, kind):
    ours = detector(kind)
    photos = [photo(50, 90, 0), photo(90, 40, 1), photo(50, 90, 2), photo(64, 64, 3)]

    together = ours.look(photos)

    for found, given in zip(together, photos, strict=True):
        alone = ours.look([given])[0]
        np.testing.assert_allclose(found.boxes, alone.boxes, atol=1e-3)
        np.testing.assert_allclose(found.scores, alone.scores, atol=1e-5)


@pytest.mark.parametrize("kind", DETECTORS)
def test_scores_belong_to_the_phrase_in_whose_column_they_are(detector, kind):
    first = detector(kind).look([photo(50, 90)])[0]
    second = detector(kind, COINS[::-1]).look([photo(50, 90)])[0]
    assert first.scores.shape[1] == 2
    if kind == "owlv2":  # The others read all phrases as one text, whose order matters a little.
        np.testing.assert_allclose(first.scores, second.scores[:, ::-1], atol=1e-6)


def test_each_word_of_a_prompt_stands_for_its_own_phrase(detector):
    ours = detector("grounding-dino")
    read_by_model, positions = ours._text_inputs

    tokens = ours.model.processor.tokenizer.convert_ids_to_tokens(read_by_model["input_ids"][0])
    assert tokens == ["[CLS]", "coin", ".", "bank", "note", ".", "medal", ".", "[SEP]"]
    assert [[tokens[at] for at in of] for of in positions] == [["coin"], ["bank", "note", "medal"]]


@pytest.mark.parametrize("kind", DETECTORS)
def test_no_box_below_the_floor_and_no_more_than_asked_for(detector, kind):
    assert len(detector(kind, floor=1.0).look([photo(50, 90)])[0].boxes) == 0
    assert len(detector(kind, most=3).look([photo(50, 90)])[0].boxes) == 3


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("grounding-dino", "no. 5", "has a dot"),
        ("grounding-dino", "coin " * 40, "tokens, at most 32 fit"),
        ("grounding-dino", "☃", "no word that the detector can read"),
        ("owlv2", "abcdefghijklmnopqrstuvwxyz", "tokens, at most 16 fit; shorten it"),
    ],
)
def test_phrases_that_a_detector_would_misread_are_refused(detector, kind, given, message):
    with pytest.raises(BadInput, match=message):
        detector(kind, parse_phrases([given])).look([photo(20, 20)])


@pytest.mark.parametrize("kind", DETECTORS)
def test_one_pixel_is_a_photo(detector, kind):
    photos = [photo(1, 1), photo(3, 3), photo(2, 3)]
    for given, found in zip(photos, detector(kind).look(photos), strict=True):
        assert (found.boxes.max(axis=0, initial=0) <= [given.shape[1], given.shape[0]] * 2).all()


def test_a_photo_of_which_nothing_is_left_at_the_size_of_the_input_is_refused(detector):
    with pytest.raises(BadInput, match="2 × 5000 pixels is too narrow"):
        detector("grounding-dino").look([photo(2, 5000)])
